package catch_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pressrun/mailer/catch"
)

// serve starts c on a free loopback port and returns its address.
func serve(t *testing.T, c *catch.Catcher) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Serve(l) }()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// letter is a small message to one recipient.
func letter(to, subject string) []byte {
	return fmt.Appendf(nil, "From: Desk <desk@example.org>\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n\r\n.A line\r\nand one more\r\n", to, subject, strings.ReplaceAll(to, "@", "."))
}

func send(addr, to string, body []byte) error {
	return smtp.SendMail(addr, nil, "bounce@example.org", []string{to}, body)
}

func TestKeepsTheBytesThatCame(t *testing.T) {
	c := &catch.Catcher{}
	addr := serve(t, c)
	body := letter("ada@example.org", "=?UTF-8?Q?H=C3=A4fen?=")
	if err := send(addr, "ada@example.org", body); err != nil {
		t.Fatal(err)
	}
	all := c.Messages("")
	if len(all) != 1 {
		t.Fatalf("got %d mails, want 1", len(all))
	}
	m := all[0]
	if !bytes.Equal(m.Raw, body) || m.Size != len(body) {
		t.Errorf("got %q, want %q", m.Raw, body)
	}
	if m.From != "bounce@example.org" || m.To[0] != "ada@example.org" || m.Subject != "Häfen" {
		t.Errorf("got from %q to %q subject %q", m.From, m.To, m.Subject)
	}
	if same, ok := c.Message(m.ID); !ok || same.Subject != m.Subject {
		t.Errorf("Message(%q) = %v, %v", m.ID, same, ok)
	}
}

func TestFiltersBySenderRecipientAndSubject(t *testing.T) {
	c := &catch.Catcher{}
	addr := serve(t, c)
	for _, to := range []string{"ada@example.org", "grace@example.net"} {
		if err := send(addr, to, letter(to, "Morning for "+to[:3])); err != nil {
			t.Fatal(err)
		}
	}
	for filter, want := range map[string]int{"": 2, "GRACE": 1, "morning for ada": 1, "bounce@": 2, "nobody": 0} {
		if got := len(c.Messages(filter)); got != want {
			t.Errorf("Messages(%q): got %d, want %d", filter, got, want)
		}
	}
	if got := c.Messages("")[0].To[0]; got != "grace@example.net" {
		t.Errorf("newest first: got %s", got)
	}
}

func TestOldestMailsMakeRoom(t *testing.T) {
	dir := t.TempDir()
	c := &catch.Catcher{Dir: dir, Max: 3}
	addr := serve(t, c)
	for i := range 5 {
		to := fmt.Sprintf("r%d@example.org", i)
		if err := send(addr, to, letter(to, "hello")); err != nil {
			t.Fatal(err)
		}
	}
	all := c.Messages("")
	if len(all) != 3 || all[2].To[0] != "r2@example.org" {
		t.Errorf("got %d mails, the oldest to %v", len(all), all[len(all)-1].To)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*.eml")); len(names) != 3 {
		t.Errorf("got %d files, want 3", len(names))
	}
}

func TestMemoryIsBoundedInBytes(t *testing.T) {
	c := &catch.Catcher{MaxBytes: 500}
	addr := serve(t, c)
	for range 10 {
		if err := send(addr, "ada@example.org", letter("ada@example.org", "hello")); err != nil {
			t.Fatal(err)
		}
	}
	sum := 0
	for _, m := range c.Messages("") {
		sum += m.Size
	}
	if sum == 0 || sum > 500 {
		t.Errorf("got %d bytes kept, want 1 to 500", sum)
	}
}

func TestMailsAreFoundAgain(t *testing.T) {
	dir := t.TempDir()
	first := &catch.Catcher{Dir: dir}
	addr := serve(t, first)
	for _, to := range []string{"ada@example.org", "grace@example.org"} {
		if err := send(addr, to, letter(to, "hello")); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.eml"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := &catch.Catcher{Dir: dir}
	addr = serve(t, second)
	if err := send(addr, "edith@example.org", letter("edith@example.org", "again")); err != nil {
		t.Fatal(err)
	}
	all := second.Messages("")
	if len(all) != 3 || all[0].To[0] != "edith@example.org" || all[2].To[0] != "ada@example.org" {
		t.Fatalf("got %v", all)
	}
	if all[2].ID != first.Messages("ada")[0].ID {
		t.Errorf("the id changed from %s to %s", first.Messages("ada")[0].ID, all[2].ID)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := new(catch.Catcher).Serve(l); !errors.Is(err, catch.ErrNotLoopback) {
		t.Errorf("got %v, want ErrNotLoopback", err)
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	c := &catch.Catcher{MaxMessage: 1000}
	addr := serve(t, c)
	err := send(addr, "ada@example.org", append(letter("ada@example.org", "big"), bytes.Repeat([]byte("0123456789\r\n"), 200)...))
	if err == nil || !strings.Contains(err.Error(), "552") {
		t.Errorf("got %v, want 552", err)
	}
	if got := len(c.Messages("")); got != 0 {
		t.Errorf("got %d mails kept", got)
	}
}

func TestCloseEndsAnIdleConnection(t *testing.T) {
	c := &catch.Catcher{}
	conn, err := net.Dial("tcp", serve(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	line := make([]byte, 100)
	if _, err := conn.Read(line); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(line); err == nil {
		t.Error("the connection is still open")
	}
}
