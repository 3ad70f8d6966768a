package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Kinds of keys, as the k= tag of a record names them (RFC 6376 section 3.6.1,
// RFC 8463 section 4).
const (
	RSA     = "rsa"
	Ed25519 = "ed25519"
)

// rsaBits is what receivers want to see (RFC 8301 section 3.2).
const rsaBits = 2048

// GenerateKey makes a private key of a kind, as PEM (PKCS #8).
func GenerateKey(kind string) ([]byte, error) {
	var key any
	var err error
	switch kind {
	case RSA:
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("no kind of key is called %q; there are %s and %s", kind, RSA, Ed25519)
	}
	if err != nil {
		return nil, fmt.Errorf("make a DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a DKIM key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// errPEM says what a key file should hold.
var errPEM = errors.New(`it is not a private key in PEM ("-----BEGIN PRIVATE KEY-----", RSA or Ed25519)`)

// ParseKey reads a private key in PEM: PKCS #8, or PKCS #1 as older tools write
// it.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil {
		return nil, errPEM
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errPEM
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errPEM
}

// Record is the text to publish at selector._domainkey.domain for a public key.
func Record(public crypto.PublicKey) (string, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(public)
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), err
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public), nil
	}
	return "", fmt.Errorf("no record for a %T", public)
}

// Domain is the one that is signed for.
func (s *Signer) Domain() string { return s.domain }

// Name is where the signer's public key stands in the DNS, and Record what must
// stand there.
func (s *Signer) Name() string { return s.selector + "._domainkey." + s.domain }

// Record is the text that must stand at Name.
func (s *Signer) Record() string {
	text, _ := Record(s.key.Public()) // New has refused other keys
	return text
}

// RSA reports whether the signature is one that every receiver can check.
func (s *Signer) RSA() bool { return s.algorithm == "rsa-sha256" }

// Errors of CheckRecord.
var (
	ErrRevoked  = errors.New("the record's p= is empty: the key is revoked") // RFC 6376 section 3.6.1
	ErrOtherKey = errors.New("the record holds another key than ours")
	ErrRecord   = errors.New("it is not a DKIM record")
	ErrTesting  = errors.New("the record says t=y: receivers treat the mail as unsigned")
)

// CheckRecord says whether the text that stands at Name lets receivers verify
// what this signer signs.
func (s *Signer) CheckRecord(text string) error {
	tags := Tags(text)
	want := Tags(s.Record())
	switch p := strings.Join(strings.Fields(tags["p"]), ""); {
	case tags["v"] != "" && tags["v"] != "DKIM1":
		return ErrRecord
	case !strings.Contains(text, "p="):
		return ErrRecord
	case p == "":
		return ErrRevoked
	case orRSA(tags["k"]) != want["k"] || p != want["p"]:
		return ErrOtherKey
	case tags["h"] != "" && !strings.Contains(":"+strings.ReplaceAll(tags["h"], " ", "")+":", ":sha256:"):
		return fmt.Errorf("%w: h=%s leaves sha256 out", ErrRecord, tags["h"])
	case strings.Contains(":"+strings.ReplaceAll(tags["t"], " ", "")+":", ":y:"):
		return ErrTesting
	}
	return nil
}

func orRSA(k string) string {
	if k == "" {
		return RSA // RFC 6376 section 3.6.1: the default
	}
	return k
}

// Tags reads a tag list (RFC 6376 section 3.2), as DKIM and DMARC records are.
// Of a tag that stands twice the first is returned.
func Tags(text string) map[string]string {
	tags := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if _, twice := tags[name]; ok && name != "" && !twice {
			tags[name] = strings.TrimSpace(value)
		}
	}
	return tags
}
