package smtp_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"pressrun/mailer/smtp"
)

// peer is one connection of a scripted server.
type peer struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// want reads lines that must begin with these words.
func (p *peer) want(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		got, err := p.r.ReadString('\n')
		if err != nil || !strings.HasPrefix(got, want) {
			p.t.Errorf("server read %q %v, want %q", got, err, want)
		}
	}
}

// say sends replies, all in one write.
func (p *peer) say(lines ...string) { io.WriteString(p, strings.Join(lines, "\r\n")+"\r\n") }

// body reads up to the final dot.
func (p *peer) body() string {
	var b strings.Builder
	for {
		line, err := p.r.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == ".\r\n" {
			return b.String()
		}
	}
}

func (p *peer) hello(extensions ...string) {
	p.say("220 relay.test ready")
	p.want("EHLO ")
	lines := []string{"250-relay.test"}
	for _, e := range extensions {
		lines = append(lines, "250-"+e)
	}
	p.say(append(lines, "250 HELP")...)
}

// startTLS says whether the client trusted us.
func (p *peer) startTLS(conf *tls.Config) bool {
	conn := tls.Server(p.Conn, conf)
	p.Conn, p.r = conn, bufio.NewReader(conn)
	return conn.Handshake() == nil
}

// serve runs script for each connection and returns the relay that leads there.
func serve(t *testing.T, script func(*peer)) *smtp.Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			script(&peer{t: t, Conn: conn, r: bufio.NewReader(conn)})
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return &smtp.Relay{URL: "smtp://" + l.Addr().String(), HELO: "press.test"}
}

func dial(t *testing.T, r *smtp.Relay) *smtp.Conn {
	t.Helper()
	c, err := r.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func asError(t *testing.T, err error) *smtp.Error {
	t.Helper()
	var e *smtp.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *smtp.Error", err)
	}
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const wire = "Subject: x\r\n\r\nhello\r\n.\r\n"

var ready = []string{"250 2.1.0 ok", "250 2.1.5 ok", "354 go on"}

func TestOneRoundTripAMessage(t *testing.T) {
	r := serve(t, func(p *peer) {
		p.hello("PIPELINING")
		p.want("MAIL FROM:<a@x.test>", "RCPT TO:<1@y.test>", "DATA")
		p.say(ready...)
		for i := 2; i < 5; i++ {
			// The next transaction is there before this message is answered.
			if got := p.body(); got != wire {
				t.Errorf("body: got %q, want %q", got, wire)
			}
			p.want("MAIL FROM:<a@x.test>", fmt.Sprintf("RCPT TO:<%d@y.test>", i), "DATA")
			p.say(append([]string{"250 2.0.0 Ok: queued as 4F2A"}, ready...)...)
		}
		p.body()
		p.say("250-2.0.0 taken", "250 2.0.0 gladly")
		p.want("QUIT")
		p.say("221 bye")
	})
	c := dial(t, r)
	must(t, c.Begin("a@x.test", "1@y.test"))
	for i := 2; i < 5; i++ {
		reply, err, next := c.BodyThenBegin([]byte(wire), "a@x.test", fmt.Sprintf("%d@y.test", i))
		if err != nil || next != nil || reply.Code != 250 || reply.QueueID() != "4F2A" || reply.Enhanced != "2.0.0" {
			t.Fatal(reply, err, next)
		}
	}
	reply, err := c.Body([]byte(wire))
	if err != nil || reply.Text != "taken gladly" {
		t.Fatal(reply, err)
	}
	must(t, c.Quit())
}

func TestLockStep(t *testing.T) {
	r := serve(t, func(p *peer) {
		p.hello()
		for i := range 2 {
			for n, line := range []string{"MAIL FROM:<a@x.test>", fmt.Sprintf("RCPT TO:<%d@y.test>", i), "DATA"} {
				p.want(line)
				if p.r.Buffered() > 0 {
					t.Errorf("%s was not waited for", line)
				}
				p.say(ready[n])
			}
			p.body()
			p.say("250 ok")
		}
	})
	c := dial(t, r)
	must(t, c.Begin("a@x.test", "0@y.test"))
	if _, err, next := c.BodyThenBegin([]byte(wire), "a@x.test", "1@y.test"); err != nil || next != nil {
		t.Fatal(err, next)
	}
	_, err := c.Body([]byte(wire))
	must(t, err)
}

// A refused recipient costs its transaction, not the connection.
func TestRefusedRecipient(t *testing.T) {
	for name, data := range map[string]string{"DATA refused": "503 5.5.1 no recipients", "DATA granted": "354 go on"} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, func(p *peer) {
				p.hello("PIPELINING")
				p.want("MAIL", "RCPT", "DATA")
				p.say("250 ok", "550 5.1.1 no such user", data)
				if strings.HasPrefix(data, "354") {
					p.want(".\r\n") // a lone dot, not the body
					p.say("554 5.5.1 no recipients")
				}
				p.want("RSET", "MAIL", "RCPT TO:<good@y.test>", "DATA")
				p.say(append([]string{"250 ok"}, ready...)...)
				p.body()
				p.say("250 ok")
			})
			c := dial(t, r)
			e := asError(t, c.Begin("a@x.test", "bad@y.test"))
			if e.Phase != smtp.Rcpt || e.Code != 550 || e.Enhanced != "5.1.1" || e.Text != "no such user" || e.Temporary || e.Broken() || e.Uncertain() {
				t.Errorf("got %+v", e)
			}
			must(t, c.Begin("a@x.test", "good@y.test"))
			_, err := c.Body([]byte(wire))
			must(t, err)
		})
	}
}

// How the end of a connection reads in each phase.
func TestLostConnections(t *testing.T) {
	big := []byte("Subject: x\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 1<<20) + ".\r\n")
	for _, tc := range []struct {
		name   string
		server func(*peer)
		body   []byte
		phase  smtp.Phase
		code   int
	}{
		{"before MAIL is answered", func(p *peer) { p.want("MAIL") }, nil, smtp.Mail, 0},
		{"421 to MAIL", func(p *peer) { p.want("MAIL", "RCPT", "DATA"); p.say("421 4.3.2 closing") }, nil, smtp.Mail, 421},
		{"451 to RCPT", func(p *peer) {
			p.want("MAIL", "RCPT", "DATA")
			p.say("250 ok", "451 4.7.1 later", "503 no")
		}, nil, smtp.Rcpt, 451},
		{"after the dot", func(p *peer) { p.want("MAIL", "RCPT", "DATA"); p.say(ready...); p.body() }, []byte(wire), smtp.Dot, 0},
		{"421 to the dot", func(p *peer) {
			p.want("MAIL", "RCPT", "DATA")
			p.say(ready...)
			p.body()
			p.say("421 4.3.2 closing")
		}, []byte(wire), smtp.Dot, 421},
		{"554 to the dot", func(p *peer) {
			p.want("MAIL", "RCPT", "DATA")
			p.say(ready...)
			p.body()
			p.say("554 5.7.1 spam")
		}, []byte(wire), smtp.Dot, 554},
		{"in the middle of a large body", func(p *peer) {
			p.want("MAIL", "RCPT", "DATA")
			p.say(ready...)
			io.CopyN(io.Discard, p.r, 4096)
		}, big, smtp.Body, 0},
		{"no SMTP", func(p *peer) { p.want("MAIL", "RCPT", "DATA"); p.say("HTTP/1.1 400 Bad Request") }, nil, smtp.Mail, 0},
		{"endless line", func(p *peer) { p.want("MAIL"); p.say("250 " + strings.Repeat("x", 10000)) }, nil, smtp.Mail, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := serve(t, func(p *peer) { p.hello("PIPELINING"); tc.server(p) })
			c := dial(t, r)
			err := c.Begin("a@x.test", "1@y.test")
			if tc.body != nil {
				must(t, err)
				_, err = c.Body(tc.body)
			}
			e := asError(t, err)
			if e.Phase != tc.phase || e.Code != tc.code {
				t.Fatalf("got phase %s, code %d (%v), want %s, %d", e.Phase, e.Code, e, tc.phase, tc.code)
			}
			if want := tc.phase == smtp.Dot && tc.code == 0; e.Uncertain() != want {
				t.Errorf("uncertain: got %v, want %v", e.Uncertain(), want)
			}
			if e.Broken() && c.Begin("a@x.test", "2@y.test") == nil {
				t.Error("a broken connection was used again")
			}
		})
	}
}

func TestSlowRelayTimesOut(t *testing.T) {
	stay := make(chan struct{})
	r := serve(t, func(p *peer) {
		p.hello("PIPELINING")
		p.want("MAIL", "RCPT", "DATA")
		p.say(ready...)
		p.body()
		<-stay
	})
	defer close(stay)
	r.Timeouts.Dot = 50 * time.Millisecond
	c := dial(t, r)
	must(t, c.Begin("a@x.test", "1@y.test"))
	_, err := c.Body([]byte(wire))
	if e := asError(t, err); !e.Uncertain() {
		t.Errorf("got %+v, want uncertain", e)
	}
}

// QUIT in the middle of a message would make go-mail end it with a dot.
func TestQuitInTheMiddleSendsNothing(t *testing.T) {
	r := serve(t, func(p *peer) {
		p.hello("PIPELINING")
		p.want("MAIL", "RCPT", "DATA")
		p.say(ready...)
		if rest, _ := io.ReadAll(p.r); len(rest) > 0 {
			t.Errorf("after DATA the server read %q", rest)
		}
	})
	c := dial(t, r)
	must(t, c.Begin("a@x.test", "1@y.test"))
	must(t, c.Quit())
}

func TestEnvelopeIsChecked(t *testing.T) {
	r := serve(t, func(p *peer) {
		p.hello("PIPELINING")
		p.want("MAIL", "RCPT TO:<ok@y.test>", "DATA")
		p.say(ready...)
	})
	c := dial(t, r)
	for _, to := range []string{"", "a@b\r\nRCPT TO:<c@d>", "a b@c.test", "a>@b.test", "grün@b.test", strings.Repeat("x", 400)} {
		if e := asError(t, c.Begin("a@x.test", to)); e.Temporary || e.Broken() {
			t.Errorf("%q: got %+v", to, e)
		}
	}
	must(t, c.Begin("", "ok@y.test"))
}

func TestTLSAndAuth(t *testing.T) {
	conf, trust := certificate(t)
	plain := base64.StdEncoding.EncodeToString([]byte("\x00press\x00secret"))
	login := func(p *peer) {
		p.want("EHLO")
		p.say("250-relay.test", "250-AUTH PLAIN LOGIN", "250 PIPELINING")
		line, _ := p.r.ReadString('\n')
		if strings.TrimSpace(line) != "AUTH PLAIN "+plain {
			p.say("535 5.7.8 wrong password")
			p.want("*")
			p.say("501 cancelled")
			p.want("QUIT")
			p.say("221 bye")
			return
		}
		p.say("235 2.7.0 welcome")
		p.want("MAIL", "RCPT", "DATA")
		p.say(ready...)
		p.body()
		p.say("250 ok")
	}
	starttls := func(p *peer) {
		p.hello("STARTTLS")
		p.want("STARTTLS")
		p.say("220 go")
		if p.startTLS(conf) {
			login(p)
		}
	}
	implicit := func(p *peer) {
		if p.startTLS(conf) {
			p.say("220 relay.test")
			login(p)
		}
	}
	for _, tc := range []struct {
		name, scheme, query, password string
		server                        func(*peer)
		trust                         *tls.Config
		phase                         smtp.Phase // "" = works
		code                          int
		temporary                     bool
	}{
		{"STARTTLS", "smtp", "?tls=starttls", "secret", starttls, trust, "", 0, false},
		{"implicit TLS", "smtps", "", "secret", implicit, trust, "", 0, false},
		{"wrong password", "smtp", "?tls=starttls", "wrong", starttls, trust, smtp.Auth, 535, false},
		{"unknown certificate", "smtp", "?tls=starttls", "secret", starttls, nil, smtp.TLS, 0, false},
		{"unknown certificate, implicit", "smtps", "", "secret", implicit, nil, smtp.TLS, 0, false},
		{"no STARTTLS", "smtp", "?tls=starttls", "secret", func(p *peer) { p.hello() }, trust, smtp.TLS, 0, false},
		{"no mechanism", "smtp", "", "secret", func(p *peer) { p.hello("AUTH GSSAPI"); p.want("QUIT"); p.say("221") }, nil, smtp.Auth, 0, false},
		{"refused at the door", "smtp", "", "", func(p *peer) { p.say("554 5.7.1 go away") }, nil, smtp.Greeting, 554, false},
		{"busy", "smtp", "", "", func(p *peer) { p.say("421 4.3.2 too many") }, nil, smtp.Greeting, 421, true},
		{"silent close", "smtp", "", "", func(p *peer) {}, nil, smtp.Greeting, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := serve(t, tc.server)
			r.URL = strings.Replace(r.URL, "smtp://", tc.scheme+"://press@", 1) + tc.query
			r.Password, r.TLS = tc.password, tc.trust
			c, err := r.Dial(context.Background())
			if tc.phase == "" {
				must(t, err)
				must(t, c.Begin("a@x.test", "1@y.test"))
				_, err := c.Body([]byte(wire))
				must(t, err)
				c.Close()
				return
			}
			e := asError(t, err)
			if e.Phase != tc.phase || e.Code != tc.code || e.Temporary != tc.temporary {
				t.Errorf("got phase %s code %d temporary %v (%v), want %s %d %v", e.Phase, e.Code, e.Temporary, e, tc.phase, tc.code, tc.temporary)
			}
			if strings.Contains(e.Error(), "secret") {
				t.Errorf("the error shows the password: %v", e)
			}
			if how := strings.Contains(e.Error(), "SSL_CERT_FILE"); how != strings.HasPrefix(tc.name, "unknown certificate") || strings.Contains(e.Error(), "tls: tls:") {
				t.Errorf("how to trust a certificate: %v", e)
			}
		})
	}
}

func TestDialGivesUp(t *testing.T) {
	stay := make(chan struct{})
	r := serve(t, func(p *peer) { <-stay })
	defer close(stay)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Dial(ctx); err == nil {
		t.Error("a silent server greeted")
	}
	nobody := smtp.Relay{URL: "smtp://127.0.0.1:1"}
	_, err := nobody.Dial(context.Background())
	if e := asError(t, err); e.Phase != smtp.Connect || !e.Temporary {
		t.Errorf("got %+v", e)
	}
}

func TestRelayURL(t *testing.T) {
	for _, tc := range []struct {
		url      string
		ok       bool
		name     string
		loopback bool
	}{
		{"smtp://u@mail.example.org", true, "mail.example.org:587", false},
		{"smtps://u:p@mail.example.org", true, "mail.example.org:465", false},
		{"smtp://[::1]:2525", true, "[::1]:2525", true},
		{"smtp://localhost:25?tls=none", true, "localhost:25", true},
		{"smtp://mail.example.org:99999", false, "", false},
		{"smtp://mail.example.org?tls=maybe", false, "", false},
		{"mail.example.org:25", false, "", false},
		{"http://mail.example.org", false, "", false},
		{"", false, "", false},
	} {
		r := smtp.Relay{URL: tc.url}
		if err := r.Check(); (err == nil) != tc.ok {
			t.Errorf("%q: got %v", tc.url, err)
		}
		if tc.ok && (r.String() != tc.name || r.Loopback() != tc.loopback) {
			t.Errorf("%q: got %s, loopback %v", tc.url, r.String(), r.Loopback())
		}
	}
}

// certificate makes a server's certificate for 127.0.0.1 and what trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}
