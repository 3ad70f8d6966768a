package mailer_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/mailer"
)

// door is the way in to a receiver: it wants TLS and a password, as a relay does,
// before it lets a conversation through.
type door struct {
	inside   string // address of the receiver
	cert     atomic.Pointer[tls.Config]
	password atomic.Pointer[string]
}

func (d *door) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() { d.meet(conn); conn.Close() }()
	}
}

// meet speaks with a client until it has shown that it may come in.
func (d *door) meet(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(conn)
	say := func(reply string) { io.WriteString(conn, reply+"\r\n") }
	hears := func(verb string) string {
		line, _ := in.ReadString('\n')
		_, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), verb)
		return strings.TrimSpace(rest)
	}
	say("220 door.test")
	hears("EHLO")
	cert := d.cert.Load()
	if cert == nil {
		say("250 door.test")
		return
	}
	say("250-door.test\r\n250 STARTTLS")
	hears("STARTTLS")
	say("220 go on")
	inner := tls.Server(conn, cert)
	if inner.Handshake() != nil {
		return
	}
	conn, in = inner, bufio.NewReader(inner)
	hears("EHLO")
	say("250-door.test\r\n250-PIPELINING\r\n250 AUTH PLAIN")
	given, _ := base64.StdEncoding.DecodeString(hears("AUTH PLAIN"))
	if string(given) != "\x00press\x00"+*d.password.Load() {
		say("535 5.7.8 wrong")
		return
	}
	d.letIn(conn, in, say)
}

func (d *door) letIn(client net.Conn, in io.Reader, say func(string)) {
	server, err := net.Dial("tcp", d.inside)
	if err != nil {
		return
	}
	defer server.Close()
	io.WriteString(server, "EHLO door.test\r\n")
	out := bufio.NewReader(server)
	for line := ""; !strings.HasPrefix(line, "250 "); {
		if line, err = out.ReadString('\n'); err != nil {
			return
		}
	}
	say("235 2.7.0 welcome")
	go func() { io.Copy(server, in); server.Close() }()
	io.Copy(client, out)
}

// A relay that does not accept our password, or offers no TLS that we trust, is
// tried again; nobody is charged for it, and a person is told.
func TestFaultRefusedAtTheDoor(t *testing.T) {
	theirs, _ := certificate(t)
	good, trust := certificate(t)
	right := "secret"
	for name, refusal := range map[string]func(d *door){
		"password": func(d *door) { wrong := "another"; d.cert.Store(good); d.password.Store(&wrong) },
		"tls":      func(d *door) { d.cert.Store(theirs); d.password.Store(&right) },
		"no tls":   func(d *door) { d.password.Store(&right) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, schematest.SQLite(t), 100)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			d := &door{inside: strings.TrimPrefix(r.relay.URL, "smtp://")}
			refusal(d)
			go d.serve(l)
			r.relay.URL, r.relay.Password, r.relay.TLS = "smtp://press@"+l.Addr().String()+"?tls=starttls", right, trust
			r.Probe = 50 * time.Millisecond
			r.freeze()
			r.start()
			r.waitAlarm("relay test Nothing can be sent")
			if c := r.counts(); c[mailer.StateQueued]+c[mailer.StateClaimed] != r.readers {
				t.Errorf("got %v", c)
			}
			d.password.Store(&right)
			d.cert.Store(good)
			c := r.untilDone()
			if c[mailer.StateAccepted] != r.readers || len(r.suppressed) > 0 {
				t.Errorf("got %v, suppressed %v", c, r.suppressed)
			}
			r.waitAlarm("relay test ")
			r.judge(0)
		})
	}
}

// certificate is a server's certificate for 127.0.0.1 and what trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}
