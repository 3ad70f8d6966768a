package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pressrun/mailer/dkim"
)

// DKIMConfig is a key with which mail is signed here. Two entries for one domain
// sign twice.
type DKIMConfig struct {
	Domain   string `toml:"domain"`   // of senders; a domain signs for those below it as well
	Selector string `toml:"selector"` // the public key stands at SELECTOR._domainkey.DOMAIN
	KeyFile  string `toml:"key_file"` // PEM, mode 0600; or the environment PRESSRUN_DKIM_<SELECTOR>_KEY
}

func (d DKIMConfig) keyVariable() string {
	return "PRESSRUN_DKIM_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(d.Selector)) + "_KEY"
}

// path is where its key_file is; dir is that of press.toml.
func (d DKIMConfig) path(dir string) string {
	if filepath.IsAbs(d.KeyFile) {
		return d.KeyFile
	}
	return filepath.Join(dir, d.KeyFile)
}

// pem is the private key's text, from the environment or its file.
func (d DKIMConfig) pem(dir string) ([]byte, error) {
	if v, ok := os.LookupEnv(d.keyVariable()); ok {
		return []byte(strings.ReplaceAll(v, `\n`, "\n")), nil
	}
	if d.KeyFile == "" {
		return nil, fmt.Errorf("no key: set key_file or the environment %s; make one with: pressrun dkim new --domain %s", d.keyVariable(), d.Domain)
	}
	path := d.path(dir)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w; mend its key_file in press.toml, or make a key with: pressrun dkim new --domain %s", err, d.Domain)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read %s; chmod 600 it", path)
	}
	return os.ReadFile(path)
}

func (d DKIMConfig) signer(dir string) (*dkim.Signer, error) {
	text, err := d.pem(dir)
	if err != nil {
		return nil, fmt.Errorf("dkim %s of %s: %w", d.Selector, d.Domain, err)
	}
	key, err := dkim.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("dkim %s of %s: %s: %w", d.Selector, d.Domain, cmp.Or(d.KeyFile, d.keyVariable()), err)
	}
	s, err := dkim.New(strings.ToLower(d.Domain), d.Selector, key)
	if err != nil {
		return nil, fmt.Errorf("dkim %s of %s: %w", d.Selector, d.Domain, err)
	}
	return s, nil
}

// signers are all configured signers by domain, those of RSA first: some
// receivers look only at the first signature.
func (p *Press) signers() (map[string][]*dkim.Signer, error) {
	all := map[string][]*dkim.Signer{}
	for _, d := range p.Config.DKIM {
		s, err := d.signer(filepath.Dir(p.Config.path))
		if err != nil {
			return nil, err
		}
		s.Now = p.Now
		domain := strings.ToLower(d.Domain)
		all[domain] = append(all[domain], s)
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b *dkim.Signer) int { return cmp.Compare(rank(a), rank(b)) })
	}
	return all, nil
}

func rank(s *dkim.Signer) int {
	if s.RSA() {
		return 0
	}
	return 1
}

// checkDKIM says what is wrong with the [[dkim]] entries, without their keys.
func (c *Config) checkDKIM(say func(string, ...any)) {
	seen := map[string]bool{}
	for i, d := range c.DKIM {
		switch {
		case d.Domain == "" || d.Selector == "":
			say("[[dkim]] number %d needs a domain and a selector; pressrun dkim new --domain example.com prints them", i+1)
		case seen[strings.ToLower(d.Domain+" "+d.Selector)]:
			say("dkim: selector %s of %s stands twice; give each key its own", d.Selector, d.Domain)
		}
		seen[strings.ToLower(d.Domain+" "+d.Selector)] = true
	}
}

type dkimVerb struct {
	New dkimNew `cmd:"" help:"Make signing keys for a domain, and print the DNS records and the lines for the configuration."`
	Ls  dkimLs  `cmd:"" help:"Print the DNS records of the configured keys."`
}

type dkimNew struct {
	Domain   string   `required:"" help:"Domain of the sender, such as example.com."`
	Selector string   `help:"Name of the key; default press and the year. Each kind gets its own: NAMEr for RSA, NAMEe for Ed25519."`
	Kind     []string `default:"rsa,ed25519" enum:"rsa,ed25519" help:"rsa, ed25519, or both: not every receiver checks Ed25519."`
	Dir      string   `help:"Directory for the key files, mode 0600, made where there is none; default that of the configuration."`
}

// dkimKey is a key as the verbs print it.
type dkimKey struct {
	Domain   string `json:"domain"`
	Selector string `json:"selector"`
	File     string `json:"key_file,omitempty"`
	Name     string `json:"name"`   // in the DNS
	Record   string `json:"record"` // TXT
}

func (v *dkimNew) Run(e *env) error {
	dir := filepath.Dir(e.config) // that key_file counts from
	in := ""
	if v.Dir != "" {
		var err error
		if in, err = filepath.Abs(v.Dir); err != nil {
			return err
		}
		if err := os.MkdirAll(in, 0o700); err != nil {
			return fmt.Errorf("make the directory of the keys: %w; mend --dir", err)
		}
	}
	base := cmp.Or(v.Selector, fmt.Sprintf("press%d", time.Now().UTC().Year()))
	var keys []dkimKey
	for _, kind := range v.Kind {
		d := DKIMConfig{Domain: v.Domain, Selector: base + kind[:1], KeyFile: filepath.Join(in, "dkim."+v.Domain+"."+base+kind[:1]+".pem")}
		text, err := dkim.GenerateKey(kind)
		if err != nil {
			return err
		}
		path := d.path(dir)
		err = writeSecret(path, text)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s is there already; it is left as it is, choose another --selector", path)
		}
		if err != nil {
			return err
		}
		s, err := d.signer(dir)
		if err != nil {
			return err
		}
		keys = append(keys, dkimKey{d.Domain, d.Selector, d.KeyFile, s.Name(), s.Record()})
	}
	return e.print(keys, func(w io.Writer) {
		fmt.Fprint(w, "Publish these TXT records:\n\n")
		printRecords(w, keys)
		fmt.Fprintf(w, "Then add these lines to %s, restart serve, and look with: pressrun doctor dns\n\n", e.config)
		for _, k := range keys {
			fmt.Fprintf(w, "[[dkim]]\ndomain = %q\nselector = %q\nkey_file = %q\n\n", k.Domain, k.Selector, k.File)
		}
	})
}

// writeSecret writes a file that only its owner reads, whole or not at all, and never
// replaces one: os.ErrExist.
func writeSecret(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = cmp.Or(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// printRecords writes TXT records in the form of a zone file: strings of at most
// 255 octets (RFC 1035 section 3.3).
func printRecords(w io.Writer, keys []dkimKey) {
	for _, k := range keys {
		var parts []string
		for text := k.Record; text != ""; {
			n := min(250, len(text))
			parts = append(parts, `"`+text[:n]+`"`)
			text = text[n:]
		}
		fmt.Fprintf(w, "%s. IN TXT ( %s )\n\n", k.Name, strings.Join(parts, " "))
	}
}

type dkimLs struct{}

func (dkimLs) Run(e *env) error {
	c, err := LoadConfig(e.config)
	if err != nil {
		return err
	}
	var keys []dkimKey
	for _, d := range c.DKIM {
		s, err := d.signer(filepath.Dir(c.path))
		if err != nil {
			return err
		}
		keys = append(keys, dkimKey{d.Domain, d.Selector, d.KeyFile, s.Name(), s.Record()})
	}
	return e.print(keys, func(w io.Writer) {
		if len(keys) == 0 {
			fmt.Fprintln(w, "no key is configured, mail is not signed here; make keys with: pressrun dkim new --domain example.com")
		}
		printRecords(w, keys)
	})
}
