package smtp

import (
	"errors"
	"slices"

	"github.com/wneessen/go-mail/smtp"
)

// errNoMechanism is returned when the relay and we share no way to
// authenticate, or none that keeps the password secret.
var errNoMechanism = errors.New("the relay offers no authentication that may be used here: it needs TLS with PLAIN or LOGIN, or SCRAM-SHA-256 or CRAM-MD5")

// auth picks go-mail's mechanism once the relay has said what it offers:
// passwords in the clear only inside TLS or on loopback.
type auth struct {
	dial *dial
	smtp.Auth
}

// Start implements smtp.Auth.
func (a *auth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	a.dial.phase = Auth
	t := a.dial.target
	private := server.TLS || loopback(t.host)
	offers := func(mechanism string) bool { return slices.Contains(server.Auth, mechanism) }
	switch {
	case private && offers("PLAIN"):
		a.Auth = smtp.PlainAuth("", t.user, t.password, server.Name, true)
	case private && offers("LOGIN"):
		a.Auth = smtp.LoginAuth(t.user, t.password, server.Name, true)
	case offers("SCRAM-SHA-256"):
		a.Auth = smtp.ScramSHA256Auth(t.user, t.password)
	case offers("CRAM-MD5"):
		a.Auth = smtp.CRAMMD5Auth(t.user, t.password)
	default:
		return "", nil, errNoMechanism
	}
	return a.Auth.Start(server)
}
