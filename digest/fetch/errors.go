package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Kinds of failures, for callers that branch and for the Sources page.
const (
	KindURL       = "url"       // not an address that can be fetched
	KindDNS       = "dns"       // the name does not resolve
	KindTLS       = "tls"       // certificate or handshake
	KindTimeout   = "timeout"   // too slow, at whatever stage
	KindRefused   = "refused"   // no connection, or cut off
	KindBlocked   = "blocked"   // an address inside a private network
	KindStatus    = "status"    // an HTTP status other than 2xx and 304
	KindChallenge = "challenge" // a page that wants to see a browser or a person
	KindRedirect  = "redirect"  // too many, in a circle, or to nowhere
	KindTooLarge  = "toolarge"
	KindEmpty     = "empty"
	KindDamaged   = "damaged" // body cut short, or packed in a way we cannot undo
	KindStopped   = "stopped" // the caller gave up; says nothing about the site
)

// Error is why a page could not be fetched. Message may be shown to people.
type Error struct {
	Kind    string
	URL     string
	Status  int    // of HTTP, 0 if it never came to that
	Message string // what happened and how to mend it
	// Temporary says that trying again later, unchanged, may help.
	Temporary bool
	// RetryAfter is how long the site asks us to stay away, 0 = it does not say.
	RetryAfter time.Duration
	Err        error // the cause, may be nil
}

func (e *Error) Error() string {
	if e.Err == nil || e.Kind == KindBlocked || e.Err.Error() == e.Message { // the message says it all
		return fmt.Sprintf("fetch %s: %s", e.URL, e.Message)
	}
	return fmt.Sprintf("fetch %s: %s: %v", e.URL, e.Message, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// failure explains an error of net/http.
func failure(url string, err error) *Error {
	e := &Error{URL: url, Err: err, Temporary: true}
	var known *Error
	var blocked *blockedError
	var dns *net.DNSError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &blocked):
		e.Kind, e.Temporary = KindBlocked, false
		e.Message = fmt.Sprintf("%s is inside a private network, which pressrun does not read; if this is your own intranet, put its range into allow under [fetch] in press.toml and try again", blocked.addr)
	case errors.As(err, &dns) && !dns.IsTimeout:
		e.Kind, e.Temporary = KindDNS, !dns.IsNotFound
		e.Message = fmt.Sprintf("the name %q cannot be found: check its spelling, or the name server of this machine", dns.Name)
	case isTLS(err):
		e.Kind = KindTLS
		e.Message = "the secure connection failed: " + tlsReason(err)
	case errors.Is(err, context.Canceled):
		e.Kind, e.Message = KindStopped, "the request was given up before the site answered: try again"
	case isTimeout(err):
		e.Kind, e.Message = KindTimeout, "the site did not answer in time: it may be overloaded, or hold back robots"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Kind, e.Message = KindRefused, "the connection was refused: the server is down or the port is wrong"
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Kind, e.Message = KindDamaged, "the answer was cut short: it is tried again later; if it stays so, tell the site"
	default:
		e.Kind, e.Message = KindRefused, "the connection broke: it is tried again later; if it stays so, see whether a browser on this machine can open the address"
	}
	return e
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

func isTLS(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || strings.Contains(err.Error(), "tls: ")
}

func tlsReason(err error) string {
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &host):
		return "the certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired"
	case errors.As(err, &unknown):
		return "the certificate is from an unknown authority"
	case errors.As(err, &record):
		return "the server does not speak TLS on this port, try http://"
	}
	return "the server and we have no cipher or protocol in common"
}

// statusError explains an HTTP status.
func statusError(url string, status int, retry time.Duration) *Error {
	e := &Error{Kind: KindStatus, URL: url, Status: status, RetryAfter: retry, Temporary: status >= 500 || status == 429 || status == 408}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired:
		e.Message = "the site wants a password (401): ask it for a public feed"
	case status == http.StatusForbidden:
		e.Message = "the site refuses us (403): ask it to let our user agent in, or try another of its feeds"
	case status == http.StatusNotFound:
		e.Message = "nothing is at this address (404): it may have moved, add the site by its home page to find its new feed"
	case status == http.StatusGone:
		e.Message = "the site says it is gone for good (410): add the site by its home page to find its new feed, or remove the source"
	case status == http.StatusUnavailableForLegalReasons:
		e.Message = "withheld for legal reasons (451): where this machine stands it cannot be read, pause or remove the source"
	case status == http.StatusTooManyRequests:
		e.Message = "the site asks us to come less often (429): it is tried again later; if it stays so, raise delay under [fetch] in press.toml"
		if retry > 0 {
			e.Message = fmt.Sprintf("the site asks us to come less often (429) and to stay away for %s: it is tried again after that", retry.Round(time.Second))
		}
	case status >= 500:
		e.Message = fmt.Sprintf("the site has a fault of its own (%d): it is tried again later", status)
		if retry > 0 {
			e.Message = fmt.Sprintf("the site has a fault of its own (%d) and asks us to stay away for %s: it is tried again after that", status, retry.Round(time.Second))
		}
	default:
		e.Message = fmt.Sprintf("the site answered with status %d: open the address in a browser to see what it gives readers", status)
	}
	return e
}
