package main

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"pressrun/mailer"
	"pressrun/mailer/smtp"
)

// RelayConfig is one SMTP server that takes our mail, or for trials a maildir.
type RelayConfig struct {
	Name         string  `toml:"name"`
	URL          string  `toml:"url"`           // smtp://user@host:587 (STARTTLS), smtps://user@host:465, smtp://127.0.0.1:25; maildir:/directory
	PasswordFile string  `toml:"password_file"` // the password's file; or the environment PRESSRUN_RELAY_<NAME>_PASSWORD
	HELO         string  `toml:"helo"`          // full host name we greet with; "" = this machine's
	Connections  int     `toml:"connections"`   // at once; default 4
	Rate         float64 `toml:"rate"`          // messages a second; 0 = no limit

	Share   float64      `toml:"share"`    // part of the mail; 0 = stands in, in the order of the file
	PerHour int          `toml:"per_hour"` // messages in any 60 minutes; 0 = no limit
	PerDay  int          `toml:"per_day"`  // messages in a UTC day; 0 = no limit
	Warmup  WarmupConfig `toml:"warmup"`
}

// WarmupConfig raises a relay's daily limit from Start to End.
type WarmupConfig struct {
	From  string `toml:"from"`  // first day, 2026-12-01; "" = no warm-up
	Start int    `toml:"start"` // messages on that UTC day; default 200
	End   int    `toml:"end"`   // on the last; default 200000
	Days  int    `toml:"days"`  // default 42
}

// GroupConfig is an operator of mailboxes under several domains.
type GroupConfig struct {
	Name    string   `toml:"name"`
	Domains []string `toml:"domains"`
	Rate    float64  `toml:"rate"` // messages a second by one relay; 0 = no limit
}

// BreakerConfig says when an issue is paused; 0 = the default, -1 = never.
type BreakerConfig struct {
	Streak    int     `toml:"streak"`
	Sender    float64 `toml:"sender"`
	Bounce    float64 `toml:"bounce"`
	Complaint float64 `toml:"complaint"`
}

func (b BreakerConfig) rules() mailer.Breaker { return mailer.Breaker(b) }

// checkSending says what is wrong with relays, groups and breaker.
func (c *Config) checkSending(say func(format string, args ...any)) {
	seen := map[string]bool{}
	for _, r := range c.Relays {
		r.check(say)
		if seen[r.Name] {
			say("relay %s stands twice; give each its own name", r.Name)
		}
		seen[r.Name] = true
	}
	clear(seen)
	for _, g := range c.Groups {
		if g.Name == "" || seen[g.Name] {
			say("group %q: give each group its own name", g.Name)
		}
		seen[g.Name] = true
		if g.Rate < 0 {
			say("group %s: rate is %g; write messages a second, or 0 for no limit", g.Name, g.Rate)
		}
		for _, d := range g.Domains {
			if !strings.Contains(d, ".") || strings.ContainsAny(d, "@ /") || strings.Contains(strings.TrimSuffix(d, ".*"), "*") {
				say("group %s: %q is not a domain; write for instance example.com or yahoo.*", g.Name, d)
			}
		}
		if len(g.Domains) == 0 && !known(g.Name) {
			say("group %s: name its domains", g.Name)
		}
	}
	for name, share := range map[string]float64{"sender": c.Breaker.Sender, "bounce": c.Breaker.Bounce, "complaint": c.Breaker.Complaint} {
		if share > 1 || share < 0 && share != -1 {
			say("breaker.%s is %g; write a share between 0 and 1 (0.02 is two of a hundred), or -1 for never", name, share)
		}
	}
	if c.Breaker.Streak < -1 {
		say("breaker.streak is %d; write a number of refusals, or -1 for never", c.Breaker.Streak)
	}
}

// maildir is the directory of a relay that is one.
func (r RelayConfig) maildir() (dir string, ok bool) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "maildir" {
		return "", false
	}
	return u.Path + u.Opaque, true
}

// hostName is a full one (RFC 5321 section 4.1.2).
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)

func (r RelayConfig) check(say func(format string, args ...any)) {
	if dir, ok := r.maildir(); ok {
		if !filepath.IsAbs(dir) {
			say("relay %s: write the maildir from the root on, for instance maildir:/var/tmp/digest", r.Name)
		}
	} else if err := (&smtp.Relay{URL: r.URL}).Check(); err != nil {
		say("relay %s: %v", r.Name, err)
	} else if u, _ := url.Parse(r.URL); hasPassword(u) {
		say("relay %s: take the password out of the url and put it into password_file or the environment %s", r.Name, r.passwordVariable())
	}
	if r.HELO != "" && !hostName.MatchString(r.HELO) {
		say("relay %s: helo %q is no host name; write for instance mail.example.com, which the DNS knows as this machine", r.Name, r.HELO)
	}
	if r.Connections < 0 || r.Connections > 500 {
		say("relay %s: connections is %d; write 1 to 500", r.Name, r.Connections)
	}
	for key, n := range map[string]float64{"rate": r.Rate, "per_hour": float64(r.PerHour), "per_day": float64(r.PerDay), "share": r.Share} {
		if n < 0 {
			say("relay %s: %s is %g; write 0 or more", r.Name, key, n)
		}
	}
	w := r.Warmup
	if w == (WarmupConfig{}) {
		return
	}
	if _, err := time.Parse(time.DateOnly, w.From); err != nil {
		say("relay %s: warmup.from %q is not a day; write for instance 2026-12-01", r.Name, w.From)
	}
	if w.Start < 0 || w.End < 0 || w.Days < 0 || w.Days == 1 || w.End > 0 && w.End < max(w.Start, 1) || w.End == 0 && w.Start > 200_000 {
		say("relay %s: warmup goes from start up to end in two days or more; got start %d, end %d, days %d (defaults 200, 200000, 42)", r.Name, w.Start, w.End, w.Days)
	}
}

// unarmed reports whether mail leaves without arming: all relays are on this machine.
func (c *Config) unarmed() bool { return !c.Catch && len(c.Relays) > 0 && c.onlyLoopback() }

func (c *Config) onlyLoopback() bool {
	for _, r := range c.Relays {
		if !loopback(r.URL) {
			return false
		}
	}
	return true
}

// loopback reports whether the host of a URL is this machine, or the URL names a
// maildir on it.
func loopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	if u.Scheme == "maildir" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// passwordVariable is named so that every shell can set it: mx.example.com is
// PRESSRUN_RELAY_MX_EXAMPLE_COM_PASSWORD.
func (r RelayConfig) passwordVariable() string {
	return "PRESSRUN_RELAY_" + notInVariables.ReplaceAllString(strings.ToUpper(r.Name), "_") + "_PASSWORD"
}

var notInVariables = regexp.MustCompile(`[^A-Z0-9_]`)

// password is the relay's secret, from the environment or its file; "" = none.
func (r RelayConfig) password(dir string) (string, error) {
	return secret("password of relay "+r.Name, r.passwordVariable(), dir, "its password_file", r.PasswordFile)
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}

func known(group string) bool {
	return slices.ContainsFunc(mailer.DefaultGroups(), func(g mailer.Group) bool { return g.Name == group })
}

// quotas are the relays' limits that hold for all processes together.
func (c *Config) quotas() map[string]mailer.Quota {
	quotas := map[string]mailer.Quota{}
	for _, r := range c.Relays {
		from, _ := time.Parse(time.DateOnly, r.Warmup.From) // checked; zero: no warm-up
		quotas[r.Name] = mailer.Quota{Share: r.Share, PerHour: r.PerHour, PerDay: r.PerDay,
			Warmup: mailer.Warmup{From: from, Start: r.Warmup.Start, End: r.Warmup.End, Days: r.Warmup.Days}}
	}
	return quotas
}

// groups are pressrun's own, with what the configuration adds and changes.
func (c *Config) groups() []mailer.Group {
	groups := mailer.DefaultGroups()
	for _, g := range c.Groups {
		i := slices.IndexFunc(groups, func(d mailer.Group) bool { return d.Name == g.Name })
		if i < 0 {
			groups = append(groups, mailer.Group(g))
			continue
		}
		groups[i].Domains, groups[i].Rate = append(groups[i].Domains, g.Domains...), g.Rate
	}
	return groups
}
