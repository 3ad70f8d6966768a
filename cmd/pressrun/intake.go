package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/intake"
	"pressrun/subscribers"
	"pressrun/templates"
)

// BounceConfig says where mail comes back to.
type BounceConfig struct {
	Address      string `toml:"address" env:"PRESSRUN_BOUNCE_ADDRESS"` // the part behind a plus sign is ours
	Listen       string `toml:"listen" env:"PRESSRUN_BOUNCE_LISTEN"`   // smtp://host:port, lmtp://host:port, lmtp:///path/of.sock
	Connections  int    `toml:"connections"`
	IMAP         string `toml:"imap" env:"PRESSRUN_BOUNCE_IMAP"`
	PasswordFile string `toml:"password_file"` // or the environment PRESSRUN_BOUNCE_PASSWORD
	Folder       string `toml:"folder"`
	Every        string `toml:"every"` // of the poll
	Plain        bool   `toml:"plain"` // the mailbox takes no name+TOKEN
	SoftBounces  int    `toml:"soft_bounces"`
	SoftDays     int    `toml:"soft_days"`
}

// on reports whether there is a way for mail to come back.
func (b BounceConfig) on() bool { return b.Address != "" && (b.Listen != "" || b.IMAP != "") }

// signed reports whether our return paths carry a token.
func (b BounceConfig) signed() bool { return b.on() && !b.Plain }

// maxBounceName keeps name+TOKEN within the 64 octets of a local part (RFC 5321
// section 4.5.3.1.1).
const maxBounceName = 20

// maxPollEvery bounds how seldom a mailbox is read: a request to leave by mail is
// dealt with within mailer.CanaryWithin.
const maxPollEvery = mailer.CanaryWithin - time.Minute

var localName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,20}$`)

// check says what is wrong.
func (b BounceConfig) check(say func(string, ...any)) {
	if b.Address == "" {
		if b.Listen != "" || b.IMAP != "" {
			say("bounce: address is missing; write address = \"bounces@bounces.example.com\"")
		}
		return
	}
	a, err := mail.ParseAddress(b.Address)
	if err != nil || a.Address != b.Address {
		say("bounce.address %q is not a mail address; write bounces@bounces.example.com", b.Address)
	} else if name, _, _ := strings.Cut(b.Address, "@"); !localName.MatchString(name) {
		say("bounce.address %q: the name before the @ may have up to %d letters, digits, dots and hyphens; a plus sign and a token of ours follow it", b.Address, maxBounceName)
	}
	switch {
	case b.Listen == "" && b.IMAP == "":
		say("bounce: say how mail comes to %s: listen = \"smtp://0.0.0.0:25\" for its MX, or imap = \"imaps://user@host\" for a mailbox", b.Address)
	case b.Listen != "" && b.IMAP != "":
		say("bounce: choose one of listen and imap")
	case b.Listen != "" && b.Plain:
		say("bounce: plain is for mailboxes; the receiver at %s knows its mails by their tokens", b.Listen)
	}
	if b.Listen != "" {
		if _, _, err := b.listener(); err != nil {
			say("bounce.listen %q: %v", b.Listen, err)
		}
	}
	if b.IMAP != "" {
		if err := intake.CheckURL(b.IMAP); err != nil {
			say("bounce.imap %q: %v", redact(b.IMAP), err)
		}
	}
	if d, err := time.ParseDuration(b.Every); err != nil || d < time.Second || d > maxPollEvery {
		say("bounce.every %q: write a length of time from 1s to %s, for instance 1m; whoever leaves by mail is to be off the list within %s", b.Every, digest.Duration(maxPollEvery), digest.Duration(mailer.CanaryWithin))
	}
	for name, n := range map[string]int{"connections": b.Connections, "soft_bounces": b.SoftBounces, "soft_days": b.SoftDays} {
		if n < 0 {
			say("bounce.%s is %d; write a number from 0", name, n)
		}
	}
}

// listener takes Listen apart: network and address for net.Listen.
func (b BounceConfig) listener() (network, address string, err error) {
	u, err := url.Parse(b.Listen)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "lmtp" || u.Host == "" && u.Path == "" {
		return "", "", errors.New("write smtp://0.0.0.0:25, lmtp://127.0.0.1:2424 or lmtp:///run/pressrun/lmtp.sock")
	}
	if u.Host == "" {
		return "unix", u.Path, nil
	}
	if u.Port() == "" {
		return "", "", errors.New("the port is missing")
	}
	return "tcp", u.Host, nil
}

// openIntake tells the mailer how mail comes back, and reads what its addresses say.
func (p *Press) openIntake() error {
	b, m, keys := p.Config.Bounce, p.Mailer, p.Subscribers.Keys
	m.Secret = keys.Derive("message ids")
	m.SoftBounces, m.SoftPeriod = b.SoftBounces, time.Duration(b.SoftDays)*24*time.Hour
	m.ReadTrace, m.ReaderAt, m.Leave = p.readTrace, p.readerAt, p.leave
	if b.signed() {
		m.ReturnPath = func(delivery, letter int64) string {
			c := subscribers.Claim{Kind: subscribers.KindDelivery, Mail: delivery}
			if letter != 0 {
				c = subscribers.Claim{Kind: subscribers.KindLetter, Mail: letter}
			}
			return p.returnAddress(c)
		}
	} else if b.on() {
		m.ReturnPath = func(int64, int64) string { return b.Address }
	}
	if b.IMAP == "" {
		return nil
	}
	password, err := b.password(filepath.Dir(p.Config.path))
	if err != nil {
		return err
	}
	p.mailbox = &intake.Mailbox{URL: b.IMAP, Password: password, Folder: b.Folder}
	return nil
}

// password is the mailbox's, from the environment or its file; "" = none.
func (b BounceConfig) password(dir string) (string, error) {
	return secret("password of the bounce mailbox", "PRESSRUN_BOUNCE_PASSWORD", dir, "bounce.password_file", b.PasswordFile)
}

// returnAddress is name+TOKEN@domain.
func (p *Press) returnAddress(c subscribers.Claim) string {
	name, domain, _ := strings.Cut(p.Config.Bounce.Address, "@")
	return name + "+" + p.Subscribers.Keys.AddressToken(c) + "@" + domain
}

// leaveAddress is where a reader of a list writes to in order to leave it.
func (p *Press) leaveAddress(subscriber, list int64, test bool) string {
	return p.returnAddress(subscribers.Claim{Kind: subscribers.KindUnsubscribe, Subscriber: subscriber, List: list, Test: test})
}

// mailtoOpen reports whether readers are offered to leave by mail: while that way
// is known to work. q is the database or a transaction.
func (p *Press) mailtoOpen(ctx context.Context, q schema.Querier) (bool, error) {
	if !p.Config.Bounce.signed() {
		return false, nil
	}
	c, err := p.Mailer.Canary(ctx, q)
	return err == nil && c.Open(p.Now()), err
}

// ours reads an address of ours, exactly as it is given.
func (p *Press) ours(address string) (subscribers.Claim, bool) {
	name, domain, _ := strings.Cut(strings.ToLower(p.Config.Bounce.Address), "@")
	local, at, ok := strings.Cut(strings.ToLower(address), "@")
	token, plus := strings.CutPrefix(local, name+"+")
	if !ok || !plus || at != domain {
		return subscribers.Claim{}, false
	}
	c, err := p.Subscribers.Keys.VerifyAddress(token)
	return c, err == nil
}

var (
	anAddress = regexp.MustCompile(`[A-Za-z0-9._-]{1,20}\+[A-Za-z0-9-]{1,64}@[A-Za-z0-9.-]{1,253}`)
	aLink     = regexp.MustCompile(`/u/([A-Za-z0-9._-]{10,80})`)
)

// readTrace finds a signed address of ours in a text, else a signed link.
func (p *Press) readTrace(text string) (mailer.Trace, bool) {
	for _, a := range anAddress.FindAllString(text, 10) {
		if c, ok := p.ours(a); ok {
			return traceOf(c)
		}
	}
	for _, m := range aLink.FindAllStringSubmatch(text, 10) {
		if c, err := p.Subscribers.Keys.Verify(m[1]); err == nil && c.Kind == subscribers.KindUnsubscribe {
			return traceOf(c)
		}
	}
	return mailer.Trace{}, false
}

var traceKinds = map[subscribers.Kind]mailer.TraceKind{
	subscribers.KindDelivery: mailer.TraceDelivery, subscribers.KindLetter: mailer.TraceLetter, subscribers.KindUnsubscribe: mailer.TraceLeave,
	subscribers.KindFeedback: mailer.TraceFeedback, subscribers.KindCanary: mailer.TraceCanary,
}

func traceOf(c subscribers.Claim) (mailer.Trace, bool) {
	t := mailer.Trace{Kind: traceKinds[c.Kind], Subscriber: c.Subscriber, List: c.List, At: c.At, Test: c.Test}
	switch t.Kind {
	case mailer.TraceDelivery:
		t.Delivery = c.Mail
	case mailer.TraceLetter:
		t.Letter = c.Mail
	}
	return t, t.Kind != ""
}

// leave unsubscribes somebody who asked by mail.
func (p *Press) leave(ctx context.Context, tx *sql.Tx, subscriber, list, issue int64) error {
	if list == 0 && issue != 0 {
		var err error
		if list, err = p.listOf(ctx, tx, issue); err != nil {
			return err
		}
	}
	return p.Subscribers.UnsubscribeIn(ctx, tx, subscriber, list, "mailto")
}

// receive takes what comes back until ctx ends: over SMTP or LMTP, or from the
// mailbox.
func (p *Press) receive(ctx context.Context) error {
	b := p.Config.Bounce
	switch {
	case b.Listen != "":
		return p.listenForMail(ctx)
	case p.mailbox != nil:
		return p.pollMail(ctx)
	}
	<-ctx.Done()
	return nil
}

func (p *Press) listenForMail(ctx context.Context) error {
	b := p.Config.Bounce
	network, address, err := b.listener()
	if err != nil {
		return err
	}
	if network == "unix" {
		os.Remove(address) // of an earlier process
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return fmt.Errorf("receive bounces at %s: %w", b.Listen, err)
	}
	_, domain, _ := strings.Cut(b.Address, "@")
	r := &intake.Receiver{
		Accept: func(a string) bool { _, ok := p.ours(a); return ok },
		Take:   p.Mailer.TakeReturned, LMTP: strings.HasPrefix(b.Listen, "lmtp:"), Domain: domain, Connections: b.Connections, Log: p.Log,
	}
	if p.Config.TLSCert != "" {
		c, err := openCertificate(p.Config.TLSCert, p.Config.TLSKey, p.Log)
		if err != nil {
			return fmt.Errorf("receive bounces: %w", err)
		}
		r.TLS = &tls.Config{GetCertificate: c.get}
	}
	p.Log.Info("receiving bounces", "listen", l.Addr().String(), "address", b.Address)
	return r.Serve(ctx, l)
}

func (p *Press) pollMail(ctx context.Context) error {
	every, err := time.ParseDuration(p.Config.Bounce.Every)
	if err != nil {
		every = time.Minute
	}
	failing, looked := false, false
	for {
		n, err := p.Mailer.PollMailbox(ctx, p.mailbox)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			p.Alarm(ctx, "intake", p.mailbox.URL, technically("The mailbox to which bounces and complaints return cannot be read. They are read as soon as it works again; look whether its server answers, and at its address and password in press.toml.", err))
		case err == nil && (failing || !looked): // the run before may have told of it
			p.Clear(ctx, "intake", p.mailbox.URL)
		}
		failing, looked = err != nil, true
		if n > 0 {
			p.Log.Info("read mail that came back", "mails", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// tendIntake sends the canary when it is due, and announces when it stays away.
func (p *Press) tendIntake(ctx context.Context) error {
	if !p.Config.Bounce.signed() {
		return nil
	}
	if out, err := p.mailLeaves(ctx); err != nil || !out {
		return err
	}
	if err := p.sendCanary(ctx); err != nil {
		return err
	}
	c, err := p.Mailer.Canary(ctx, p.DB.Read)
	if err != nil {
		return err
	}
	p.stand(ctx, c.Stuck(p.Now()), "intake", p.Config.Bounce.Address, fmt.Sprintf("Our letter to ourselves of %s did not come back within %s. Bounces may be lost, and mails no longer offer to leave by mail until it does. "+
		"Look whether the MX of the domain leads here (pressrun doctor dns), and whether the relay takes mail to it.", c.Sent.UTC().Format("2 January 2006, 15:04 UTC"), mailer.CanaryWithin))
	return nil
}

// mailLeaves reports whether mail goes out by a relay now.
func (p *Press) mailLeaves(ctx context.Context) (bool, error) {
	if len(p.Mailer.Relays) == 0 {
		return false, nil
	}
	st, err := p.Mailer.Status(ctx)
	return err == nil && !st.Stopped && (st.Armed || p.Config.onlyLoopback()), err
}

func (p *Press) sendCanary(ctx context.Context) error {
	c, err := p.Mailer.Canary(ctx, p.DB.Read)
	if now := p.Now(); err != nil || now.Sub(c.Sent) < mailer.CanaryEvery && !c.Sent.After(now) {
		return err
	}
	e := templates.Email{
		From: p.sender(ctx), Subject: "Is the way back open?", Language: "en", Auto: true,
		Text: "pressrun writes this letter to itself: while it comes back, bounces and requests to leave do.\n",
	}
	return p.DB.InTx(ctx, func(tx *sql.Tx) error {
		at, due, err := p.Mailer.CanaryDue(ctx, tx)
		if err != nil || !due {
			return err
		}
		to := p.returnAddress(subscribers.Claim{Kind: subscribers.KindCanary, At: at})
		_, err = p.Mailer.Post(ctx, tx, mailer.Letter{Kind: "canary", Email: e, To: mailer.Recipient{Address: to}, Expires: mailer.CanaryWithin})
		return err
	})
}

// testSlots are the values of a mail that must change nothing, whoever follows its
// links or writes to its addresses.
func (p *Press) testSlots(ctx context.Context, list int64, name string) (map[string]string, error) {
	slots := p.Subscribers.TestSlots(list, name)
	open, err := p.mailtoOpen(ctx, p.DB.Read)
	if open {
		slots[templates.SlotMailto] = p.leaveAddress(0, list, true)
	}
	return slots, err
}

// feedbackAddress is what is registered with feedback loops.
func (p *Press) feedbackAddress() string {
	return p.returnAddress(subscribers.Claim{Kind: subscribers.KindFeedback})
}

// cameBack says in words what came back of a delivery.
func (p *Press) cameBack(ctx context.Context, delivery int64) (string, error) {
	if delivery == 0 {
		return "", nil // it waits and has no row yet
	}
	list, _, err := p.Mailer.Returned(ctx, mailer.ReturnedFilter{Delivery: delivery, Oldest: true, Limit: 5})
	var words []string
	for _, r := range list {
		words = append(words, r.Why())
	}
	return strings.Join(words, " "), err
}
