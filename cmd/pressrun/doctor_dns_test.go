package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"pressrun/mailer/dkim"
	"pressrun/mailer/dns/dnstest"
)

// TestDoctorDNS asks a DNS server of this machine, in which the key is right and
// all else is missing.
func TestDoctorDNS(t *testing.T) {
	dir := t.TempDir()
	text, err := dkim.GenerateKey(dkim.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeSecret(filepath.Join(dir, "key.pem"), text); err != nil {
		t.Fatal(err)
	}
	d := DKIMConfig{Domain: "example.com", Selector: "s1", KeyFile: "key.pem"}
	s, err := d.signer(dir)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "press.toml")
	toml := "public_url = \"https://digest.example.com\"\n[bounce]\naddress = \"bounces@bounces.example.com\"\nlisten = \"smtp://127.0.0.1:2525\"\n" +
		"[[dkim]]\ndomain = \"example.com\"\nselector = \"s1\"\nkey_file = \"key.pem\"\n"
	if err := os.WriteFile(config, []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	code := run(context.Background(), []string{"-c", config, "doctor", "dns", "--resolver", oneRecord(t, s.Name(), s.Record())}, strings.NewReader(""), &out, &errs)
	if code != exitFailed {
		t.Errorf("exit %d, want %d: %s", code, exitFailed, errs.String())
	}
	for _, want := range []string{
		"ok   dkim         s1._domainkey.example.com holds our key",
		"BAD  spf          no SPF record stands at bounces.example.com",
		"BAD  dmarc        no DMARC record stands at _dmarc.digest.example.com",
		"BAD  mx           no mail can come back",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", out.String(), want)
		}
	}
}

// oneRecord is a DNS server that knows one TXT record.
func oneRecord(t *testing.T, name, text string) string {
	t.Helper()
	return dnstest.Serve(t, func(q dnsmessage.Question) (dnsmessage.RCode, []dnsmessage.Resource) {
		if q.Type != dnsmessage.TypeTXT || q.Name.String() != name+"." {
			return dnsmessage.RCodeNameError, nil
		}
		return dnsmessage.RCodeSuccess, []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}, Body: &dnsmessage.TXTResource{TXT: []string{text}}}}
	})
}
