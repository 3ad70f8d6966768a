package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// desk takes mail for ok@ addresses and remembers it.
type desk struct {
	mu    sync.Mutex
	mails []Mail
	err   error
}

func (d *desk) take(_ context.Context, m Mail) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.mails = append(d.mails, m)
	}
	return d.err
}

func (d *desk) all() []Mail {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mails
}

// receiving starts r and returns its address.
func receiving(t testing.TB, d *desk, r Receiver) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.Accept = func(a string) bool { return strings.EqualFold(a, "ok@bounces.example") }
	r.Take, r.Domain = d.take, "bounces.example"
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// talk is a conversation written by hand.
type talk struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dial(t testing.TB, address string) *talk {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &talk{c, t, bufio.NewReader(c)}
}

// reply is the code of the next reply, "" when the other side hung up.
func (c *talk) reply() string {
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return ""
		}
		if len(line) < 4 || line[3] != '-' {
			return line[:min(3, len(line))]
		}
	}
}

func (c *talk) say(line, want string) {
	c.t.Helper()
	io.WriteString(c, line+"\r\n")
	if got := c.reply(); got != want {
		c.t.Errorf("%q: got %q, want %q", line, got, want)
	}
}

func (c *talk) greet() *talk {
	c.t.Helper()
	if got := c.reply(); got != "220" {
		c.t.Fatalf("greeting %q", got)
	}
	c.say("EHLO mx.example.org", "250")
	return c
}

func TestReceive(t *testing.T) {
	for _, lmtp := range []bool{false, true} {
		d := &desk{}
		c := dial(t, receiving(t, d, Receiver{LMTP: lmtp}))
		if got := c.reply(); got != "220" {
			t.Fatal(got)
		}
		c.say(map[bool]string{false: "EHLO", true: "LHLO"}[lmtp]+" mx.example.org", "250")
		c.say("MAIL FROM:<>", "250")
		c.say("RCPT TO:<OK@Bounces.Example>", "250")
		c.say("RCPT TO:<ok@bounces.example>", "452") // one a transaction
		c.say("DATA", "354")
		c.say("Subject: a\r\n\r\n..x\r\n.", "250")
		d.err = errors.New("the database is away")
		c.say("MAIL FROM:<>", "250")
		c.say("RCPT TO:<ok@bounces.example>", "250")
		c.say("DATA", "354")
		c.say("Subject: b\r\n\r\nx\r\n.", "451") // comes again
		c.say("QUIT", "221")
		got := d.all()
		if len(got) != 1 || got[0].To != "OK@Bounces.Example" || string(got[0].Raw) != "Subject: a\r\n\r\n.x\r\n" || got[0].Source != map[bool]string{false: "smtp", true: "lmtp"}[lmtp] {
			t.Errorf("lmtp %v: got %+v", lmtp, got)
		}
	}
}

func TestHostileSender(t *testing.T) {
	t.Run("addresses are tried", func(t *testing.T) {
		c := dial(t, receiving(t, &desk{}, Receiver{})).greet()
		c.say("MAIL FROM:<>", "250")
		n := 0
		for ; n < 100; n++ {
			fmt.Fprintf(c, "RCPT TO:<guess%d@bounces.example>\r\n", n)
			if c.reply() != "550" {
				break
			}
		}
		if n >= maxRefused {
			t.Errorf("%d guesses were answered, want fewer than %d", n, maxRefused)
		}
	})
	t.Run("no recipient", func(t *testing.T) {
		c := dial(t, receiving(t, &desk{}, Receiver{})).greet()
		c.say("MAIL FROM:<>", "250")
		c.say("RCPT TO:<other@bounces.example>", "550")
		c.say("DATA", "502")
	})
	t.Run("too large", func(t *testing.T) {
		d := &desk{}
		c := dial(t, receiving(t, d, Receiver{})).greet()
		c.say(fmt.Sprintf("MAIL FROM:<> SIZE=%d", MaxSize+1), "552")
		c.say("MAIL FROM:<>", "250")
		c.say("RCPT TO:<ok@bounces.example>", "250")
		c.say("DATA", "354")
		for range MaxSize/1000 + 1 {
			io.WriteString(c, strings.Repeat("x", 998)+"\r\n")
		}
		c.say(".", "552")
		c.say("RSET", "250") // the conversation is still in step
		if len(d.all()) != 0 {
			t.Error("it was taken")
		}
	})
	t.Run("smuggling", func(t *testing.T) {
		// A final dot with bare line ends is content, not the end of a mail.
		d := &desk{}
		c := dial(t, receiving(t, d, Receiver{})).greet()
		c.say("MAIL FROM:<>", "250")
		c.say("RCPT TO:<ok@bounces.example>", "250")
		c.say("DATA", "354")
		smuggled := "Subject: a\r\n\r\nx\n.\nMAIL FROM:<evil@example.org>\nRCPT TO:<ok@bounces.example>\nDATA\nSubject: b\n\ny\n.\r\nx\r.\r\nx\r\r\n.\rz"
		c.say(smuggled+"\r\n.", "250")
		c.say("NOOP", "250")
		if got := d.all(); len(got) != 1 || !strings.Contains(string(got[0].Raw), "Subject: b") {
			t.Errorf("got %d mails, want one that holds the other as text", len(got))
		}
	})
	t.Run("pipelined rubbish", func(t *testing.T) {
		c := dial(t, receiving(t, &desk{}, Receiver{}))
		for range 200 {
			io.WriteString(c, "\x00\x16\x03\x01GET / HTTP/1.1\r\nHost: x\r\n")
		}
		n := 0
		for c.reply() != "" {
			n++
		}
		if n > 20 {
			t.Errorf("%d replies before the connection was closed", n)
		}
	})
	t.Run("silent and slow", func(t *testing.T) {
		address := receiving(t, &desk{}, Receiver{Idle: 200 * time.Millisecond, Lifetime: time.Second})
		c := dial(t, address).greet()
		if got := c.reply(); got != "421" && got != "" {
			t.Errorf("silence: got %q", got)
		}
		c = dial(t, address).greet()
		c.say("MAIL FROM:<>", "250")
		c.say("RCPT TO:<ok@bounces.example>", "250")
		c.say("DATA", "354")
		began := time.Now()
		for time.Since(began) < 30*time.Second {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Error("a sender of a byte now and then was never cut off")
	})
	t.Run("many connections", func(t *testing.T) {
		address := receiving(t, &desk{}, Receiver{Connections: 3})
		var held []*talk
		for range 3 {
			held = append(held, dial(t, address).greet())
		}
		if got := dial(t, address).reply(); got != "421" {
			t.Errorf("a fourth connection: got %q, want 421", got)
		}
		held[0].say("QUIT", "221")
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if dial(t, address).reply() == "220" {
				break
			}
			if time.Now().After(end) {
				t.Fatal("nobody is let in after one has left")
			}
		}
	})
}

// FuzzConversation: whatever a sender says, the receiver ends the conversation
// and takes mail for its own addresses alone, none above MaxSize.
func FuzzConversation(f *testing.F) {
	d := &desk{}
	address := receiving(f, d, Receiver{Idle: time.Second, Lifetime: 2 * time.Second, Connections: 100})
	f.Add("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok@bounces.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
	f.Add("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ok@bounces.example>\r\nBDAT 5 LAST\r\nhello")
	f.Add("HELO a\nMAIL FROM:<\"a b\"@x> SIZE=-1 BODY=8BITMIME\nRCPT TO:<@a:ok@bounces.example>\n")
	f.Add("STARTTLS\r\nAUTH PLAIN AAAA\r\nVRFY x\r\nEXPN\r\n.\r\n")
	f.Fuzz(func(t *testing.T, said string) {
		c := dial(t, address)
		io.WriteString(c, said)
		c.Conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		for _, m := range d.all() {
			if !strings.EqualFold(m.To, "ok@bounces.example") || len(m.Raw) > MaxSize {
				t.Errorf("took %d bytes for %q", len(m.Raw), m.To)
			}
		}
		d.mu.Lock()
		d.mails = nil
		d.mu.Unlock()
	})
}
