package mailer

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pressrun/mailer/smtp"
)

// Maildir is a Transport for trials: every message becomes a file in the
// maildir dir, which is made when it is missing. The envelope stands in front as
// Return-Path and Delivered-To.
func Maildir(name, dir string) Transport { return maildir{name, dir} }

type maildir struct{ name, dir string }

func (d maildir) String() string { return d.name }
func (d maildir) Loopback() bool { return true }
func (d maildir) Limits() Limits { return Limits{Connections: 1} }

func (d maildir) Open(context.Context) (Conn, error) {
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(d.dir, sub), 0o700); err != nil {
			return nil, &smtp.Error{Phase: smtp.Connect, Text: "the maildir cannot be made", Temporary: true, Err: err}
		}
	}
	return &maildirConn{dir: d.dir}, nil
}

type maildirConn struct {
	dir      string
	from, to string
	begun    bool
}

func (c *maildirConn) Begin(from, to string) error {
	if bytes.ContainsAny([]byte(from+to), "\r\n\x00<> ") || to == "" {
		return &smtp.Error{Phase: smtp.Rcpt, Code: 501, Enhanced: "5.1.3", Text: "the address cannot be written"}
	}
	c.from, c.to, c.begun = from, to, true
	return nil
}

func (c *maildirConn) Body(wire []byte) (smtp.Reply, error) {
	if !c.begun {
		return smtp.Reply{}, &smtp.Error{Phase: smtp.Body, Text: "a body needs a transaction", Temporary: true}
	}
	c.begun = false
	name, err := c.store(wire)
	if err != nil {
		return smtp.Reply{}, &smtp.Error{Phase: smtp.Body, Text: "the file cannot be written", Temporary: true, Err: err}
	}
	return smtp.Reply{Code: 250, Enhanced: "2.0.0", Text: "stored, id=" + name}, nil
}

func (c *maildirConn) BodyThenBegin(wire []byte, from, to string) (r smtp.Reply, err, next error) {
	r, err = c.Body(wire)
	return r, err, c.Begin(from, to)
}

func (c *maildirConn) Quit() error  { return nil }
func (c *maildirConn) Close() error { return nil }

// store writes to tmp and renames into new, as maildir readers expect.
func (c *maildirConn) store(wire []byte) (string, error) {
	body, err := unstuffed(wire)
	if err != nil {
		return "", err
	}
	b := make([]byte, 6)
	rand.Read(b)
	name := fmt.Sprintf("%d.%s.pressrun", time.Now().UnixNano(), hex.EncodeToString(b))
	tmp := filepath.Join(c.dir, "tmp", name)
	text := fmt.Appendf(nil, "Return-Path: <%s>\r\nDelivered-To: %s\r\n%s", c.from, c.to, body)
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return "", err
	}
	return name, os.Rename(tmp, filepath.Join(c.dir, "new", name))
}
