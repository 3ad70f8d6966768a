package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// literal is a mail as the server takes it.
type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// mailbox starts an IMAP server with an empty INBOX.
func mailbox(t *testing.T) (*imapmemserver.User, *Mailbox) {
	t.Helper()
	server := imapmemserver.New()
	user := imapmemserver.NewUser("bounces", "secret")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	server.AddUser(user)
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return server.NewSession(), nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}}, InsecureAuth: true,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return user, &Mailbox{URL: "imap://bounces@" + l.Addr().String(), Password: "secret"}
}

func put(t *testing.T, user *imapmemserver.User, mail string) {
	t.Helper()
	if _, err := user.Append("INBOX", literal{bytes.NewReader([]byte(mail))}, &imap.AppendOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestPoll(t *testing.T) {
	user, box := mailbox(t)
	ctx := t.Context()
	var got []string
	var refuse string
	take := func(_ context.Context, m Mail) error {
		subject, _, _ := strings.Cut(string(m.Raw), "\r\n")
		if subject == refuse {
			return errors.New("the database is away")
		}
		if m.Source != "imap" || len(m.Raw) > MaxSize {
			t.Errorf("%s, %d bytes", m.Source, len(m.Raw))
		}
		got = append(got, subject)
		return nil
	}
	at, n, err := box.Poll(ctx, Position{}, take)
	if err != nil || n != 0 {
		t.Fatalf("an empty folder: %d, %v", n, err)
	}
	for i := range 5 {
		put(t, user, fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", i, strings.Repeat("x", i*100_000)))
	}
	refuse = "Subject: 2"
	if at, n, err = box.Poll(ctx, at, take); err == nil || n != 2 {
		t.Errorf("a mail that is not taken: %d taken, %v; want 2 and an error", n, err)
	}
	refuse = ""
	if at, n, err = box.Poll(ctx, at, take); err != nil || n != 3 {
		t.Errorf("the next poll: %d, %v; want the other 3", n, err)
	}
	if at, n, err = box.Poll(ctx, at, take); err != nil || n != 0 {
		t.Errorf("nothing new: %d, %v", n, err)
	}
	if want := "Subject: 0,Subject: 1,Subject: 2,Subject: 3,Subject: 4"; strings.Join(got, ",") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if _, n, err = box.Poll(ctx, Position{Validity: at.Validity + 1, UID: at.UID}, take); err != nil || n != 5 {
		t.Errorf("another validity: %d, %v; want all 5 again", n, err)
	}
	c, err := imapclient.DialInsecure(strings.TrimPrefix(box.URL, "imap://bounces@"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login("bounces", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	status, err := c.Status("INBOX", &imap.StatusOptions{NumUnseen: true}).Wait()
	if err != nil || *status.NumUnseen != 0 {
		t.Errorf("%v, %v; want all mails seen", status, err)
	}
}

func TestPollRefused(t *testing.T) {
	_, box := mailbox(t)
	box.Password = "wrong"
	if _, _, err := box.Poll(t.Context(), Position{}, nil); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong password: %v", err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	box.URL = "imap://bounces@" + silent.Addr().String()
	if _, _, err := box.Poll(ctx, Position{}, nil); err == nil {
		t.Error("a server that says nothing: no error")
	}
	for _, bad := range []string{"", "imap://mail.example", "pop3://a@b", "imaps://a:secret@mail.example"} {
		if CheckURL(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
	if err := CheckURL("imaps://bounces@mail.example"); err != nil {
		t.Error(err)
	}
}
