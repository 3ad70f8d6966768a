package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// A Relay is an SMTP server that takes our mail. The fields are set once,
// before the first call; its methods may be called concurrently.
type Relay struct {
	// Name is what the ledger, logs and pages call it. Empty means the URL's
	// host and port.
	Name string
	// URL says where it is and how to speak to it:
	//
	//	smtp://user@host:587    STARTTLS is demanded, except of a loopback address
	//	smtps://user@host:465   TLS from the first byte
	//
	// with ?tls=starttls to demand it, ?tls=none to do without. Left out, the
	// port is 587 or 465. Without a user there is no authentication.
	URL string
	// Password of the URL's user. It is kept apart so that a URL can be shown.
	Password string
	// HELO is the name we greet with; empty means this machine's own.
	HELO string
	// TLS replaces the default of verifying the host against the system's roots.
	TLS *tls.Config
	// Connections is how many are open at most; 0 means DefaultConnections.
	Connections int
	// Rate is how many messages a second are sent at most over all connections
	// of one process; 0 means as many as the relay takes.
	Rate float64
	// LockStep waits for the reply to each command even where PIPELINING is offered.
	LockStep bool
	// Timeouts per phase; those that are zero are RFC 5321's.
	Timeouts Timeouts
}

// DefaultConnections is what a Relay opens when nothing else is said.
const DefaultConnections = 4

// Timeouts are how long to wait in each phase.
type Timeouts struct {
	Connect time.Duration // TCP; 30 s
	Command time.Duration // greeting, MAIL, RCPT: 5 min (RFC 5321 sections 4.5.3.2.1 to 3)
	Data    time.Duration // 354: 2 min (4.5.3.2.4)
	Block   time.Duration // writing a body: 3 min (4.5.3.2.5)
	Dot     time.Duration // the reply to the final dot: 10 min (4.5.3.2.6)
}

func (t Timeouts) orDefault() Timeouts {
	return Timeouts{
		Connect: cmp.Or(t.Connect, 30*time.Second),
		Command: cmp.Or(t.Command, 5*time.Minute),
		Data:    cmp.Or(t.Data, 2*time.Minute),
		Block:   cmp.Or(t.Block, 3*time.Minute),
		Dot:     cmp.Or(t.Dot, 10*time.Minute),
	}
}

// target is a Relay's URL, read.
type target struct {
	host, user, password string
	port                 int
	implicit             bool // smtps
	policy               gomail.TLSPolicy
}

// Check says what is wrong with the relay's URL, nil when nothing is.
func (r *Relay) Check() error {
	_, err := r.target()
	return err
}

// String is the relay's name.
func (r *Relay) String() string {
	if r.Name != "" {
		return r.Name
	}
	t, err := r.target()
	if err != nil {
		return "relay"
	}
	return net.JoinHostPort(t.host, strconv.Itoa(t.port))
}

// Loopback says whether the relay is on this machine, by address or as
// localhost: then no mail leaves it.
func (r *Relay) Loopback() bool {
	t, err := r.target()
	return err == nil && loopback(t.host)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func (r *Relay) target() (target, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return target{}, errors.New("the url is not one; write smtp://user@mail.example.com:587 or smtps://user@mail.example.com:465")
	}
	t := target{host: u.Hostname(), user: u.User.Username(), password: r.Password, port: 587, implicit: u.Scheme == "smtps"}
	if t.implicit {
		t.port = 465
	}
	if p := u.Port(); p != "" {
		if t.port, err = strconv.Atoi(p); err != nil || t.port < 1 || t.port > 65535 {
			return target{}, fmt.Errorf("%q is no port; write for instance 587", p)
		}
	}
	if p, ok := u.User.Password(); ok && t.password == "" {
		t.password = p
	}
	switch mode := u.Query().Get("tls"); mode {
	case "starttls":
		t.policy = gomail.TLSMandatory
	case "none":
		t.policy = gomail.NoTLS
	case "":
		t.policy = gomail.TLSMandatory
		if loopback(t.host) {
			t.policy = gomail.NoTLS
		}
	default:
		return target{}, fmt.Errorf("tls=%s in the url: write starttls or none", mode)
	}
	return t, nil
}

// Dial opens a connection: TCP, TLS as the URL says, EHLO, AUTH. It gives up
// when ctx ends. An error is an *Error with the phase that failed.
func (r *Relay) Dial(ctx context.Context) (*Conn, error) {
	t, err := r.target()
	if err != nil {
		return nil, &Error{Phase: Connect, Text: err.Error(), Err: err}
	}
	d := &dial{relay: r, target: t, timeouts: r.Timeouts.orDefault(), phase: Connect}
	c, err := d.client(ctx)
	if err != nil {
		return nil, &Error{Phase: Connect, Text: printable(err.Error()), Err: err}
	}
	client, err := c.DialToSMTPClientWithContext(ctx)
	if d.release != nil && !d.release() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if d.wire != nil {
			d.wire.Close() // go-mail leaves a connection that fails half way open
		}
		return nil, d.failed(err)
	}
	pipelining, _ := client.Extension("PIPELINING")
	utf8, _ := client.Extension("SMTPUTF8")
	return &Conn{
		client: client, wire: d.wire, timeouts: d.timeouts,
		pipelining: pipelining && !r.LockStep, utf8: utf8,
	}, nil
}

// dial is one attempt to open a connection.
type dial struct {
	relay    *Relay
	target   target
	timeouts Timeouts
	wire     *wire
	phase    Phase
	release  func() bool // ends the context's power over the connection; false: too late
}

func (d *dial) client(ctx context.Context) (*gomail.Client, error) {
	conf := d.tlsConfig()
	opts := []gomail.Option{
		gomail.WithPort(d.target.port), gomail.WithTimeout(d.timeouts.Command), gomail.WithTLSPolicy(d.target.policy),
		gomail.WithTLSConfig(conf), gomail.WithoutNoop(), gomail.WithoutRset(), gomail.WithoutSMTPUTF8(),
		gomail.WithDialContextFunc(func(_ context.Context, network, addr string) (net.Conn, error) {
			return d.connect(ctx, network, addr, conf) // go-mail's own context ends with the dialling
		}),
	}
	if d.target.implicit {
		opts = append(opts, gomail.WithSSL())
	}
	if d.relay.HELO != "" {
		opts = append(opts, gomail.WithHELO(d.relay.HELO))
	}
	if d.target.user != "" {
		opts = append(opts, gomail.WithSMTPAuthCustom(&auth{dial: d}))
	}
	return gomail.NewClient(d.target.host, opts...)
}

func (d *dial) tlsConfig() *tls.Config {
	if d.relay.TLS == nil {
		return &tls.Config{ServerName: d.target.host, MinVersion: tls.VersionTLS12}
	}
	conf := d.relay.TLS.Clone()
	if conf.ServerName == "" {
		conf.ServerName = d.target.host
	}
	return conf
}

func (d *dial) connect(ctx context.Context, network, addr string, conf *tls.Config) (net.Conn, error) {
	dialer := net.Dialer{Timeout: d.timeouts.Connect}
	raw, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	d.wire = &wire{Conn: raw}
	d.release = context.AfterFunc(ctx, func() { raw.Close() })
	d.phase = Greeting
	if !d.target.implicit {
		return d.wire, nil
	}
	conn := tls.Client(d.wire, conf)
	d.phase = TLS
	raw.SetDeadline(time.Now().Add(d.timeouts.Connect))
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	d.phase = Greeting
	return conn, nil
}

// failed says in which phase err happened; go-mail's errors do not.
func (d *dial) failed(err error) *Error {
	e := lost(d.phase, err)
	var reply *textproto.Error
	if errors.As(err, &reply) {
		e.Code = reply.Code
		e.Enhanced, e.Text = cutEnhanced(reply.Code, printable(reply.Msg))
		e.Temporary = reply.Code < 500
	}
	if d.phase == Greeting && isTLS(err) {
		e.Phase = TLS
	}
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		e.Text = "nobody this machine trusts has signed the relay's certificate: add the authority of your network to its trusted certificates, or name a file of them in SSL_CERT_FILE"
	}
	e.Text = strings.TrimPrefix(e.Text, "tls: ") // the phase says so
	if e.Phase == TLS || e.Phase == Auth && e.Code == 0 && errors.Is(err, errNoMechanism) {
		e.Temporary = false
	}
	return e
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var host x509.HostnameError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &host) ||
		strings.Contains(err.Error(), "STARTTLS")
}

// wire counts what was handed to the operating system, so that a body which
// was cut off before its dot is known to be.
type wire struct {
	net.Conn
	written int
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.written += n
	return n, err
}
