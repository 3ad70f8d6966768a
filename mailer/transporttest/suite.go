// Package transporttest is what every mailer.Transport must do, as a test.
package transporttest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pressrun/mailer"
	"pressrun/mailer/smtp"
)

// wire is a message as it goes over the wire: dot-stuffed, with the final dot.
func wire(n int) []byte {
	return fmt.Appendf(nil, "From: <a@x.test>\r\nTo: <%d@y.test>\r\nSubject: %d\r\n\r\n..a line that begins with a dot\r\n.. \r\nend %d\r\n.\r\n", n, n, n)
}

// plain is the same as a reader gets it.
func plain(n int) []byte {
	w := bytes.TrimSuffix(wire(n), []byte(".\r\n"))
	return bytes.ReplaceAll(w, []byte("\r\n.."), []byte("\r\n."))
}

// Suite tests a transport. received returns what arrived through it so far, in
// any order, dot-stuffing removed; fields in front do not matter.
func Suite(t *testing.T, transport mailer.Transport, received func() [][]byte) {
	open := func(t *testing.T) mailer.Conn {
		t.Helper()
		c, err := transport.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	arrived := func(t *testing.T, n int) {
		t.Helper()
		count := 0
		for _, m := range received() {
			if bytes.HasSuffix(m, plain(n)) {
				count++
			}
		}
		if count != 1 {
			t.Errorf("message %d arrived %d times", n, count)
		}
	}
	t.Run("one by one", func(t *testing.T) {
		c := open(t)
		for n := range 3 {
			if err := c.Begin("b@x.test", fmt.Sprintf("%d@y.test", n)); err != nil {
				t.Fatal(err)
			}
			r, err := c.Body(wire(n))
			if err != nil || r.Code != 250 {
				t.Fatal(r, err)
			}
			arrived(t, n)
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	})
	t.Run("together", func(t *testing.T) {
		c := open(t)
		if err := c.Begin("b@x.test", "10@y.test"); err != nil {
			t.Fatal(err)
		}
		for n := 10; n < 15; n++ {
			r, err, next := c.BodyThenBegin(wire(n), "b@x.test", fmt.Sprintf("%d@y.test", n+1))
			if err != nil || next != nil || r.Code != 250 {
				t.Fatal(r, err, next)
			}
		}
		if _, err := c.Body(wire(15)); err != nil {
			t.Fatal(err)
		}
		for n := 10; n <= 15; n++ {
			arrived(t, n)
		}
	})
	t.Run("an address that is none", func(t *testing.T) {
		c := open(t)
		for _, to := range []string{"", "a@b\r\nRCPT TO:<c@d>", "a b@c.test"} {
			var e *smtp.Error
			if err := c.Begin("b@x.test", to); !errors.As(err, &e) || e.Temporary || e.Broken() {
				t.Errorf("%q: got %v", to, err)
			}
		}
		if err := c.Begin("b@x.test", "20@y.test"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Body(wire(20)); err != nil {
			t.Fatal(err)
		}
		arrived(t, 20)
	})
	t.Run("next is refused", func(t *testing.T) {
		c := open(t)
		if err := c.Begin("b@x.test", "30@y.test"); err != nil {
			t.Fatal(err)
		}
		_, err, next := c.BodyThenBegin(wire(30), "b@x.test", "a b@c.test")
		if err != nil || next == nil {
			t.Errorf("got %v, %v", err, next)
		}
		arrived(t, 30)
	})
	t.Run("no body without a transaction", func(t *testing.T) {
		before := len(received())
		var e *smtp.Error
		if _, err := open(t).Body(wire(40)); !errors.As(err, &e) || e.Uncertain() {
			t.Errorf("got %v", err)
		}
		if len(received()) != before {
			t.Error("something arrived")
		}
	})
	t.Run("left in the middle", func(t *testing.T) {
		c := open(t)
		before := len(received())
		if err := c.Begin("b@x.test", "50@y.test"); err != nil {
			t.Fatal(err)
		}
		c.Quit()
		if len(received()) != before {
			t.Error("something arrived")
		}
	})
	if transport.String() == "" {
		t.Error("the transport has no name")
	}
}
