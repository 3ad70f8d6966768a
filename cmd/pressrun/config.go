package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"pressrun/digest"
	"pressrun/digest/summary/writer"
	"pressrun/digest/trend"
	"pressrun/subscribers/address"
)

// Config rules the process: where things are and how they are reached. What
// editors and admins decide (newsletters, sources, lists) lives in the database.
type Config struct {
	Database string `toml:"database" env:"PRESSRUN_DATABASE"` // SQLite file or postgres:// URL
	Redis    string `toml:"redis" env:"PRESSRUN_REDIS"`       // address of the view counters, see trend.Connect; "" = count in the database
	// RedisSite is part of every key of ours, so that several installations can share a Redis.
	RedisSite string `toml:"redis_site" env:"PRESSRUN_REDIS_SITE"`

	PublicURL      string   `toml:"public_url" env:"PRESSRUN_PUBLIC_URL"` // what readers' links begin with
	Listen         string   `toml:"listen" env:"PRESSRUN_LISTEN"`
	TrustedProxies []string `toml:"trusted_proxies" env:"PRESSRUN_TRUSTED_PROXIES"` // networks whose X-Forwarded-For is believed
	BeaconToken    string   `toml:"beacon_token" env:"PRESSRUN_BEACON_TOKEN"`       // lets the site's own server report views for its readers
	Newsroom       []string `toml:"newsroom" env:"PRESSRUN_NEWSROOM"`               // networks whose visits to the site do not count
	TLSCert        string   `toml:"tls_cert" env:"PRESSRUN_TLS_CERT"`
	TLSKey         string   `toml:"tls_key" env:"PRESSRUN_TLS_KEY"`

	Keys    string `toml:"keys" env:"PRESSRUN_KEYS"`       // file of the keys that sign readers' links, mode 0600
	Journal string `toml:"journal" env:"PRESSRUN_JOURNAL"` // file of who has left, outside the database

	Counters []CountersConfig `toml:"counters"`
	Relays   []RelayConfig    `toml:"relay"`
	DKIM     []DKIMConfig     `toml:"dkim"`
	// Groups change or add operators of mailboxes whose pace is kept.
	Groups  []GroupConfig `toml:"group"`
	Breaker BreakerConfig `toml:"breaker"`
	// Catch sends everything to the built-in catcher, whatever the relays say.
	Catch bool `toml:"catch" env:"PRESSRUN_CATCH"`

	Bounce BounceConfig `toml:"bounce"`

	AlarmMail    string      `toml:"alarm_mail" env:"PRESSRUN_ALARM_MAIL"`       // who is written to when something needs a person
	AlarmWebhook string      `toml:"alarm_webhook" env:"PRESSRUN_ALARM_WEBHOOK"` // address that is told the same as JSON; "" = none
	Fetch        FetchConfig `toml:"fetch"`
	AI           AIConfig    `toml:"ai"`

	path string // of the file it was read from
	// variables of the environment that took the place of keys, by key
	variables map[string]string
}

// CountersConfig is view counters that a site already keeps in Redis.
type CountersConfig struct {
	trend.Layout
	Redis string `toml:"redis"` // where they are; default the redis above
	Every string `toml:"every"` // how often they are read; default 2m
}

// FetchConfig says how sites are read.
type FetchConfig struct {
	UserAgent string   `toml:"user_agent" env:"PRESSRUN_USER_AGENT"`
	Allow     []string `toml:"allow" env:"PRESSRUN_FETCH_ALLOW"` // private networks that may be read, for intranets
	Delay     string   `toml:"delay" env:"PRESSRUN_FETCH_DELAY"` // between two pages of one host; default 1s
}

// AIConfig is a language model that may write summaries. Without an address
// there is none, and without ai = true a newsletter uses none.
type AIConfig struct {
	URL         string   `toml:"url" env:"PRESSRUN_AI_URL"` // https://model.example.com/v1/chat/completions
	Model       string   `toml:"model" env:"PRESSRUN_AI_MODEL"`
	KeyFile     string   `toml:"key_file"`                      // the key's file; or the environment PRESSRUN_AI_KEY
	Hosts       []string `toml:"hosts" env:"PRESSRUN_AI_HOSTS"` // that articles may be sent to; this machine always
	Words       int      `toml:"words"`                         // most words of an article that are sent; default 1500
	Timeout     string   `toml:"timeout"`                       // of one request; default 20s
	Connections int      `toml:"connections"`                   // requests at once; default 2
	DailyTokens int64    `toml:"daily_tokens"`                  // a day (UTC); default 200000
	DailyCost   float64  `toml:"daily_cost"`                    // a day, in the currency of the prices; 0 = no cap
	PriceIn     float64  `toml:"price_in"`                      // of a million tokens sent
	PriceOut    float64  `toml:"price_out"`                     // of a million tokens received
}

// ConfigError is everything that is wrong with a configuration, a line each:
// file, line where known, what, and how to mend it.
type ConfigError []string

func (e ConfigError) Error() string { return strings.Join(e, "\n") }

// LoadConfig reads the file, puts the environment over it, fills defaults in
// and checks it. Relative paths are relative to the file.
func LoadConfig(path string) (Config, error) {
	var c Config
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, ConfigError{fmt.Sprintf("read configuration: there is no %s; make one with: pressrun init --site https://your-news-site.example", path)}
	}
	if err != nil {
		return c, ConfigError{fmt.Sprintf("read configuration: %v; give the file, readable for the user that runs pressrun: -c FILE or PRESSRUN_CONFIG", err)}
	}
	if err := readTOML(path, text, &c); err != nil {
		return c, err
	}
	c.path = path
	c.variables = map[string]string{}
	if err := fromEnvironment(reflect.ValueOf(&c).Elem(), "", os.LookupEnv, c.variables); err != nil {
		return c, err
	}
	c.defaults(filepath.Dir(path))
	return c, c.check()
}

// readTOML reads the text of a file into what v points to. Editors that begin a file
// with a byte order mark, or write UTF-16 as PowerShell does, are understood.
func readTOML(path string, text []byte, v any) error {
	in := transform.NewReader(bytes.NewReader(text), unicode.BOMOverride(transform.Nop))
	if err := toml.NewDecoder(in).DisallowUnknownFields().Decode(v); err != nil {
		return ConfigError{tomlError(path, err, reflect.TypeOf(v).Elem())}
	}
	return nil
}

// tomlError says what is wrong with a file of the given shape: the file, the
// line, what it is and what it should be; a line for each mistake.
func tomlError(path string, err error, shape reflect.Type) string {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var lines []string
		valid, said := configKeys(shape, ""), ""
		for _, e := range strict.Errors {
			line, _ := e.Position()
			key := strings.Join(e.Key(), ".")
			instead := didYouMean(key, valid)
			if instead == said { // a file of another kind: what is valid is said once
				instead = ""
			} else if strings.HasPrefix(instead, "; valid") {
				said = instead
			}
			lines = append(lines, fmt.Sprintf("%s:%d: unknown key %q%s", path, line, key, instead))
		}
		return strings.Join(lines, "\n")
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, _ := wrong.Position()
		key := strings.Join(wrong.Key(), ".")
		if strings.Contains(wrong.Error(), "already defined") {
			return fmt.Sprintf("%s:%d: %s stands a second time; leave one", path, line, key)
		}
		if want := kindOfKey(shape, key); want != "" {
			return fmt.Sprintf("%s:%d: %s wants %s", path, line, key, want)
		}
		return fmt.Sprintf("%s:%d: %s", path, line, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return fmt.Sprintf("%s: %s", path, strings.TrimPrefix(err.Error(), "toml: "))
}

// keyOf is the TOML key that fills a field; "" = none.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	return name
}

// configKeys lists the keys a file may hold, dotted.
func configKeys(t reflect.Type, prefix string) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name := keyOf(f)
		if f.Anonymous {
			out = append(out, configKeys(f.Type, prefix)...)
		}
		if name == "" {
			continue
		}
		elem := f.Type
		if elem.Kind() == reflect.Slice {
			elem = elem.Elem()
		}
		if elem.Kind() == reflect.Struct {
			out = append(out, configKeys(elem, prefix+name+".")...)
			continue
		}
		out = append(out, prefix+name)
	}
	return out
}

// kindOfKey says in words what a key's value must be; "" when the key is not known.
func kindOfKey(t reflect.Type, key string) string {
	if key == "" { // the line as such is broken
		return ""
	}
	var found reflect.Type
	for part := range strings.SplitSeq(key, ".") {
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return ""
		}
		found = nil
		for i := range t.NumField() {
			if f := t.Field(i); keyOf(f) == part {
				found = f.Type
			} else if f.Anonymous {
				if inner, ok := fieldOf(f.Type, part); ok {
					found = inner
				}
			}
		}
		if found == nil {
			return ""
		}
		t = found
	}
	if found == nil {
		return ""
	}
	if found == reflect.TypeFor[digest.Duration]() {
		return `a length of time, "45m", "24h" or "30d"`
	}
	switch found.Kind() {
	case reflect.String:
		return `a text in quotes, "…"`
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "a number without quotes"
	case reflect.Map:
		return "keys of your own, { … = … }"
	case reflect.Slice:
		if found.Elem().Kind() == reflect.Struct {
			return fmt.Sprintf("tables, each begun with [[%s]], of the keys %s", key, strings.Join(configKeys(found.Elem(), ""), ", "))
		}
		return `a list, ["…", "…"]`
	case reflect.Struct:
		return fmt.Sprintf("keys of its own, { … = … }: %s", strings.Join(configKeys(found, ""), ", "))
	}
	return ""
}

// fieldOf finds the type of the field a TOML key fills.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if keyOf(t.Field(i)) == key {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

// didYouMean names the valid key nearest to a mistyped one, or one that it
// begins; else those that may stand in its place.
func didYouMean(key string, valid []string) string {
	table := key[:strings.LastIndexByte(key, '.')+1]
	if !slices.ContainsFunc(valid, func(v string) bool { return strings.HasPrefix(v, table) }) {
		table = "" // no such table either
	}
	var beside []string // the keys and tables of the same table
	for _, v := range valid {
		if rest, ok := strings.CutPrefix(v, table); ok {
			name, _, _ := strings.Cut(rest, ".")
			beside = append(beside, table+name)
		}
	}
	beside = slices.Compact(beside)
	best, at := "", 4
	for _, v := range slices.Concat(beside, valid) {
		last := v[strings.LastIndexByte(v, '.')+1:]
		d := min(levenshtein.ComputeDistance(key, v), levenshtein.ComputeDistance(key, last))
		if d < min(at, (len(key)+1)/2) || best == "" && strings.HasPrefix(v, key) {
			best, at = v, min(d, at)
		}
	}
	if best == "" {
		return "; valid here are " + strings.Join(beside, ", ")
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// fromEnvironment puts environment variables over the fields that name one, and notes
// in used which key got its value from which.
func fromEnvironment(v reflect.Value, table string, lookup func(string) (string, bool), used map[string]string) error {
	for i := range v.NumField() {
		f, key := v.Field(i), table+keyOf(v.Type().Field(i))
		if f.Kind() == reflect.Struct {
			if err := fromEnvironment(f, key+".", lookup, used); err != nil {
				return err
			}
			continue
		}
		name := v.Type().Field(i).Tag.Get("env")
		value, ok := lookup(name)
		if name == "" || !ok {
			continue
		}
		used[key] = name
		switch f.Kind() {
		case reflect.String:
			f.SetString(value)
		case reflect.Bool:
			b, err := strconv.ParseBool(value)
			if err != nil {
				return ConfigError{fmt.Sprintf("environment %s: %q is not true or false", name, value)}
			}
			f.SetBool(b)
		case reflect.Slice:
			f.Set(reflect.ValueOf(splitList(value)))
		}
	}
	return nil
}

// mistyped names the variables of an environment that are nearly one of ours, in
// words. Others are nobody's trouble: Kubernetes sets PRESSRUN_PORT for a service
// of that name.
func (c *Config) mistyped(environ []string) []string {
	known := append(environmentOf(reflect.TypeFor[Config]()), "PRESSRUN_CONFIG", "PRESSRUN_CLOCK", "PRESSRUN_BOUNCE_PASSWORD", aiKey)
	for _, r := range c.Relays {
		known = append(known, r.passwordVariable())
	}
	for _, d := range c.DKIM {
		known = append(known, d.keyVariable())
	}
	var out []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "PRESSRUN_") || slices.Contains(known, name) {
			continue
		}
		if i := slices.IndexFunc(known, func(k string) bool { return levenshtein.ComputeDistance(name, k) <= 2 }); i >= 0 {
			out = append(out, fmt.Sprintf("environment %s is no setting and does nothing; did you mean %s?", name, known[i]))
		}
	}
	return out
}

// environmentOf lists the variables that fields of a type name.
func environmentOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.Kind() == reflect.Struct {
			names = append(names, environmentOf(f.Type)...)
		} else if name := f.Tag.Get("env"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

func (c *Config) defaults(dir string) {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&c.Database, "press.db")
	set(&c.Listen, "127.0.0.1:8080")
	set(&c.PublicURL, "http://"+c.Listen)
	set(&c.Keys, "link.keys")
	set(&c.Journal, "departures.journal")
	set(&c.Fetch.Delay, "1s")
	set(&c.RedisSite, "press")
	for i := range c.Counters {
		set(&c.Counters[i].Redis, c.Redis)
		set(&c.Counters[i].Every, "2m")
	}
	set(&c.Bounce.Every, "1m")
	set(&c.Bounce.Folder, "INBOX")
	set(&c.AI.Timeout, "20s")
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	for i := range c.Relays {
		set(&c.Relays[i].Name, "relay"+strconv.Itoa(i+1))
		if c.Relays[i].Connections == 0 {
			c.Relays[i].Connections = 4
		}
	}
	for _, p := range []*string{&c.Database, &c.Keys, &c.Journal, &c.TLSCert, &c.TLSKey} {
		if *p != "" && !filepath.IsAbs(*p) && !strings.Contains(*p, "://") {
			*p = filepath.Join(dir, *p)
		}
	}
}

// databaseScheme is in what was meant for the URL of a database: as the path of a
// file it would be a new newsroom without anything in it.
var databaseScheme = regexp.MustCompile(`\w+://|(?:^|/)(?:postgres|postgresql|sqlite3?|file|mysql):`)

func (c *Config) check() error {
	var bad ConfigError
	say := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		key, _, _ := strings.Cut(text, " ")
		if name, ok := c.variables[strings.TrimSuffix(key, ":")]; ok {
			bad = append(bad, "environment "+name+": "+text)
			return
		}
		bad = append(bad, c.path+": "+text)
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		say("public_url %q is not a web address; write https://news.example.com", c.PublicURL)
	} else if c.PublicURL != u.Scheme+"://"+u.Host {
		say("public_url %q is more than scheme and host: pressrun answers at the root of a host of its own; write %s://%s", u.Redacted(), u.Scheme, u.Host)
	} else if u.Scheme != "https" && !c.onlyLoopback() {
		// RFC 8058 section 3.1: the one-click address must be https.
		say("public_url %q must begin with https:// because a relay is not on this machine: one-click unsubscribe works over https alone", c.PublicURL)
	}
	if scheme := databaseScheme.FindString(c.Database); scheme != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		say("database %q…: write the path of an SQLite file, or postgres://user@host/name", strings.TrimPrefix(scheme, "/"))
	}
	if _, err := address.Parse(c.AlarmMail); c.AlarmMail != "" && err != nil {
		say("alarm_mail %q is not a mail address; write one such as you@example.com", c.AlarmMail)
	}
	if u, err := url.Parse(c.AlarmWebhook); c.AlarmWebhook != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		say("alarm_webhook is not a web address; write for instance https://hooks.example.com/…")
	}
	if !listenable(c.Listen) {
		say("listen %q is not an address and a port; write for instance 127.0.0.1:8080", c.Listen)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		say("tls_cert and tls_key belong together: give both or neither")
	}
	if strings.ContainsFunc(c.Fetch.UserAgent, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		say("fetch.user_agent %q has more than one line", c.Fetch.UserAgent)
	}
	if d, err := time.ParseDuration(c.Fetch.Delay); err != nil || d < 0 {
		say("fetch.delay %q is not a length of time; write for instance 1s", c.Fetch.Delay)
	}
	for _, networks := range []struct {
		key  string
		list []string
	}{{"trusted_proxies", c.TrustedProxies}, {"newsroom", c.Newsroom}, {"fetch.allow", c.Fetch.Allow}} {
		for _, p := range networks.list {
			if _, err := netip.ParsePrefix(p); err != nil {
				say("%s: %q is not a network; write for instance 10.0.0.0/8, or 10.0.0.1/32 for one address", networks.key, p)
			}
		}
	}
	if err := trend.CheckAddress(c.Redis); c.Redis != "" && err != nil {
		say("%v", err)
	}
	if strings.ContainsAny(c.RedisSite, "{} ") {
		say("redis_site %q: leave braces and spaces out", c.RedisSite)
	}
	for _, k := range c.Counters {
		if err := k.Check(); err != nil {
			say("counters %q: %v", k.Key, err)
		}
		if err := trend.CheckAddress(k.Redis); err != nil {
			say("counters %q: %v", k.Key, err)
		}
		if d, err := time.ParseDuration(k.Every); err != nil || d < 10*time.Second {
			say("counters %q: every %q: write a length of time from 10s, for instance 2m", k.Key, k.Every)
		}
	}
	c.AI.check(say)
	c.checkSending(say)
	c.checkDKIM(say)
	c.Bounce.check(say)
	if len(bad) > 0 {
		slices.Sort(bad) // some are found in no order
		return bad
	}
	return nil
}

// listenable reports whether an address is one with a port.
func listenable(address string) bool {
	_, port, err := net.SplitHostPort(address)
	_, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil
}

func (a AIConfig) check(say func(string, ...any)) {
	if a.URL == "" {
		return
	}
	if err := writer.Check(a.URL, a.Hosts); err != nil {
		say("ai.url %q: %v", redact(a.URL), err)
	}
	if a.Model == "" {
		say("ai.model is missing: name the model that the endpoint shall use")
	}
	if d, err := time.ParseDuration(a.Timeout); err != nil || d <= 0 || d > time.Minute {
		say("ai.timeout %q: write a length of time of up to a minute, for instance 20s", a.Timeout)
	}
	if a.DailyCost > 0 && a.PriceIn+a.PriceOut <= 0 {
		say("ai.daily_cost needs the prices: give price_in and price_out, of a million tokens")
	}
	if a.Words < 0 || a.Connections < 0 || a.DailyTokens < 0 || a.DailyCost < 0 || a.PriceIn < 0 || a.PriceOut < 0 {
		say("ai: a number is below zero")
	}
}

// aiKey is the environment variable of the language model's key.
const aiKey = "PRESSRUN_AI_KEY"

// key is the language model's, from the environment or its file; "" = none.
func (a AIConfig) key(dir string) (string, error) {
	return secret("key of the language model", aiKey, dir, "ai.key_file", a.KeyFile)
}

func redact(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Redacted()
	}
	return "…"
}

// secret is what the environment or the file that a key of press.toml names holds;
// "" = none.
func secret(what, variable, dir, key, path string) (string, error) {
	if v, ok := os.LookupEnv(variable); ok {
		return v, nil
	}
	if path == "" {
		return "", nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w; mend %s in press.toml or that file, which the user that runs pressrun must be able to read, or set the environment %s", what, err, key, variable)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func prefixes(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p)
		}
	}
	return out
}
