package mailer

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer/smtp"
)

// A Group is the domains behind which one operator receives mail: he sees us as
// one sender, so they share a pace. A domain ".*" at the end stands for any
// country or type: "yahoo.*".
type Group struct {
	Name    string
	Domains []string
	// Rate is how many messages a second a process begins to it by each relay at
	// most; 0 means as many as it takes.
	Rate float64
}

// DefaultGroups are operators known by the domains of their mailboxes. Nothing is
// looked up: organisations that have their mail there are groups of their own
// until they are added.
func DefaultGroups() []Group {
	return []Group{
		{Name: "gmail", Domains: []string{"gmail.com", "googlemail.com", "google.com"}},
		{Name: "outlook", Domains: []string{"outlook.*", "hotmail.*", "live.*", "msn.com", "windowslive.com", "passport.com"}},
		{Name: "yahoo", Domains: []string{"yahoo.*", "ymail.com", "rocketmail.com", "myyahoo.com", "aol.*", "aim.com", "netscape.net", "verizon.net", "sky.com", "att.net", "sbcglobal.net", "bellsouth.net"}},
		{Name: "apple", Domains: []string{"icloud.com", "me.com", "mac.com"}},
		{Name: "united-internet", Domains: []string{"gmx.*", "web.de", "1und1.de", "mail.com", "email.com"}},
		{Name: "telekom", Domains: []string{"t-online.de", "magenta.de"}},
		{Name: "comcast", Domains: []string{"comcast.net", "xfinity.com"}},
		{Name: "orange", Domains: []string{"orange.fr", "wanadoo.fr", "voila.fr"}},
		{Name: "mail.ru", Domains: []string{"mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru"}},
		{Name: "yandex", Domains: []string{"yandex.*", "ya.ru", "narod.ru"}},
		{Name: "proton", Domains: []string{"proton.me", "protonmail.com", "pm.me"}},
		{Name: "zoho", Domains: []string{"zoho.*", "zohomail.com"}},
		{Name: "naver", Domains: []string{"naver.com"}},
		{Name: "qq", Domains: []string{"qq.com", "foxmail.com"}},
		{Name: "netease", Domains: []string{"163.com", "126.com", "yeah.net"}},
		{Name: "rediff", Domains: []string{"rediffmail.com", "rediff.com"}},
	}
}

// operators finds the group of a domain.
type operators struct {
	exact, any map[string]*Group // any: by the label before ".*"
}

func newOperators(groups []Group) operators {
	o := operators{exact: map[string]*Group{}, any: map[string]*Group{}}
	for i := range groups {
		for _, d := range groups[i].Domains {
			d = strings.ToLower(d)
			if label, ok := strings.CutSuffix(d, ".*"); ok {
				o.any[label] = &groups[i]
			} else {
				o.exact[d] = &groups[i]
			}
		}
	}
	return o
}

func (o operators) named(name string) *Group {
	for _, m := range []map[string]*Group{o.exact, o.any} {
		for _, g := range m {
			if g.Name == name {
				return g
			}
		}
	}
	return nil
}

// of returns the group's name and rate; a domain in no group is one by itself.
func (o operators) of(address string) (name string, rate float64) {
	domain := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	g := o.exact[domain]
	if g == nil {
		label, rest, _ := strings.Cut(domain, ".")
		if strings.Count(rest, ".") <= 1 { // yahoo.fr, yahoo.co.uk
			g = o.any[label]
		}
	}
	if g == nil {
		return domain, 0
	}
	return g.Name, g.Rate
}

// How a pace follows what the operator says. A pace is halved when he asks for
// less, at most once every halveEvery, since what is under way then says the same
// again; it grows by recoverBy every recoverEvery without such a reply; from
// twice what it was when it was first halved on it is free again.
//
// A relay that sends everybody away is not an operator who asks for less: only
// when the relay still takes mail a moment later was he meant (heardAfter, in
// real time).
const (
	halveEvery   = 15 * time.Second
	recoverEvery = time.Minute
	recoverBy    = 1.25
	heardAfter   = time.Second
	heardUntil   = 10 * time.Second
	slowest      = 0.1 // messages a second
	unmeasured   = 2   // messages a second: where nothing is known of the pace before
)

// Of the last so many replies so many must have been 4xx that do not speak of
// rates before they count as a wish for less: a greylisted reader or a full
// mailbox is none.
const (
	softWindow = 20
	softShare  = 0.3
)

// maxPaces bounds what is remembered; when it is full, what is free is forgotten.
const maxPaces = 5000

// pace is a token bucket for one operator at one relay. The paces' lock guards it.
type pace struct {
	limit float64 // as configured; 0 means none
	rate  float64 // as of now; 0 means free
	free  float64 // from here on it is free again

	tokens float64
	filled time.Time
	moved  time.Time // when rate last changed

	soft, seen int       // replies since the window began; soft: temporary refusals
	asked      time.Time // for less, in real time; zero: not, or it was heard
	reply      string    // with which he did

	taken    int // since measured
	measured time.Time
	was      float64 // messages a second in the last full measure
}

// paces are those of all lanes of a process.
type paces struct {
	operators
	mu     sync.Mutex
	of     map[paceKey]*pace
	asking map[*lane][]paceKey
}

type paceKey struct {
	lane  *lane
	group string
}

// take takes a turn for a message to address, and says how long to wait before
// asking again when there is none now.
func (p *paces) take(l *lane, address string, now time.Time) (wait time.Duration, ok bool) {
	group, limit := p.operators.of(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.of[paceKey{l, group}]
	if g == nil {
		if limit == 0 {
			return 0, true
		}
		g = p.add(paceKey{l, group}, limit, now)
	}
	g.recover(now)
	return g.turn(now)
}

// restore takes up paces that an earlier run had halved.
func (p *paces) restore(l *lane, list []Pace, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, old := range list {
		if old.Relay != l.String() {
			continue
		}
		limit := 0.0
		if g := p.operators.named(old.Group); g != nil {
			limit = g.Rate
		}
		g := p.add(paceKey{l, old.Group}, limit, now)
		g.rate, g.free = old.Rate, 4*old.Rate
	}
}

// add expects p.mu to be held.
func (p *paces) add(k paceKey, limit float64, now time.Time) *pace {
	if len(p.of) >= maxPaces {
		for old, g := range p.of {
			if g.rate == g.limit {
				delete(p.of, old)
			}
		}
	}
	g := &pace{limit: limit, rate: limit, filled: now, moved: now, measured: now, tokens: 1}
	p.of[k] = g
	return g
}

// turn takes a token. A second's worth may be taken at once.
func (g *pace) turn(now time.Time) (time.Duration, bool) {
	if g.rate <= 0 {
		return 0, true
	}
	if gone := now.Sub(g.filled).Seconds(); gone > 0 {
		g.tokens = min(g.tokens+gone*g.rate, max(g.rate, 1))
	}
	g.filled = now
	if g.tokens >= 1 {
		g.tokens--
		return 0, true
	}
	return time.Duration((1 - g.tokens) / g.rate * float64(time.Second)), false
}

// recover lets the pace grow.
func (g *pace) recover(now time.Time) {
	if g.rate == g.limit {
		return
	}
	steps := int(now.Sub(g.moved) / recoverEvery)
	for range min(max(steps, 0), 100) {
		g.rate *= recoverBy
		g.moved = g.moved.Add(recoverEvery)
	}
	if g.limit > 0 && g.rate >= g.limit || g.limit == 0 && g.rate >= g.free {
		g.rate = g.limit
	}
}

// tooFast are the words with which operators ask for less.
var tooFast = regexp.MustCompile(`(?i)(rate limit|rate.?limited|throttl|too (many|fast|much)|slow down|exceeded .{0,30}(rate|limit|quota|volume)|unusual rate|temporarily (deferred|rate)|\[?TSS0\d|RP-00\d|4\.7\.28|try again later)`)

// wish says whether a reply asks us to send less: surely, perhaps, or not.
func wish(phase smtp.Phase, code int, enhanced, text string) (sure, perhaps bool) {
	if code/100 != 4 || early(phase) {
		return false, false
	}
	sure = code == 421 || enhanced == "4.7.28" || enhanced == "4.7.0" && tooFast.MatchString(text) || tooFast.MatchString(text) && !strings.HasPrefix(enhanced, "4.2.")
	return sure, !sure
}

// note learns from a reply to a message to address, and returns whose pace was
// halved.
func (p *paces) note(l *lane, address string, r smtp.Reply, sure, perhaps bool, now time.Time) (halved []Pace) {
	group, limit := p.operators.of(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Code/100 == 2 && len(p.asking[l]) > 0 {
		halved = p.heard(l, now)
	}
	k := paceKey{l, group}
	g := p.of[k]
	if g == nil {
		if !sure && !perhaps && group == strings.ToLower(address[strings.LastIndexByte(address, '@')+1:]) {
			return halved // of the many small ones only those that complain are kept in mind
		}
		g = p.add(k, limit, now)
	}
	g.measure(now)
	if g.seen++; perhaps {
		g.soft++
	}
	if g.seen >= softWindow {
		sure = sure || float64(g.soft) >= softShare*float64(g.seen)
		g.seen, g.soft = 0, 0
	}
	if sure && g.asked.IsZero() {
		g.asked, g.reply = time.Now(), strings.Join(strings.Fields(fmt.Sprint(r.Code, " ", r.Enhanced, " ", r.Text)), " ")
		p.asking[l] = append(p.asking[l], k)
	}
	return halved
}

// heard halves the paces of those who asked for less a moment ago, now that the
// relay has taken a message. It expects p.mu to be held.
func (p *paces) heard(l *lane, now time.Time) (halved []Pace) {
	still := p.asking[l][:0]
	for _, k := range p.asking[l] {
		g := p.of[k]
		if g == nil {
			continue
		}
		ago := time.Since(g.asked)
		if ago < heardAfter {
			still = append(still, k)
			continue
		}
		g.asked = time.Time{}
		recent := g.rate > 0 && g.rate < g.limitOr(g.free) && now.Sub(g.moved) < halveEvery && !now.Before(g.moved)
		if ago < heardUntil && !recent {
			halved = append(halved, Pace{Relay: l.String(), Group: k.group, Rate: g.halve(now), Reason: g.reply, Since: now})
		}
	}
	p.asking[l] = still
	return halved
}

// calm forgets who asked a lane for less: it is the relay that is down.
func (p *paces) calm(l *lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.asking[l] {
		if g := p.of[k]; g != nil {
			g.asked = time.Time{}
		}
	}
	delete(p.asking, l)
}

func (g *pace) limitOr(v float64) float64 {
	if g.limit > 0 {
		return g.limit
	}
	return v
}

// measure counts a message and keeps the pace of the last ten seconds.
func (g *pace) measure(now time.Time) {
	g.taken++
	if gone := now.Sub(g.measured).Seconds(); gone >= 10 || gone < 0 {
		g.was = float64(g.taken) / max(gone, 10)
		g.taken, g.measured = 0, now
	}
}

func (g *pace) halve(now time.Time) float64 {
	from := g.rate
	if from <= 0 {
		from = g.was
		if gone := now.Sub(g.measured).Seconds(); gone > 1 {
			from = max(from, float64(g.taken)/gone)
		}
		if from <= 0 {
			from = unmeasured
		}
		g.free = 2 * from
	}
	g.rate = max(from/2, slowest)
	g.tokens = min(g.tokens, 1)
	g.moved = now
	return g.rate
}

// learn takes what a reply to j says about pace, and writes down what changed.
func (s *sending) learn(l *lane, j *job, phase smtp.Phase, r smtp.Reply) {
	if j.kind != delivery || r.Code == 0 {
		return
	}
	sure, perhaps := wish(phase, r.Code, r.Enhanced, r.Text)
	for _, p := range s.paces.note(l, j.to.Address, r, sure, perhaps, s.m.now()) {
		s.m.log().Warn("an operator asks for less", "relay", p.Relay, "group", p.Group, "per_second", p.Rate, "reply", p.Reason)
		s.slow.Go(func() { s.notePace(p) })
	}
}

func (s *sending) notePace(p Pace) {
	_, err := s.m.DB.Write.ExecContext(context.Background(), `
		insert into relay_paces (relay, operator, rate, reason, changed_at) values ($1, $2, $3, $4, $5)
		on conflict (relay, operator) do update set rate = excluded.rate, reason = excluded.reason, changed_at = excluded.changed_at`,
		p.Relay, p.Group, p.Rate, cut(p.Reason, 256), schema.Millis(p.Since))
	if err != nil {
		s.m.log().Error("record pace", "relay", p.Relay, "group", p.Group, "err", err)
	}
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// Pace is a mailbox operator who asked a relay for less.
type Pace struct {
	Relay  string    `json:"relay"`
	Group  string    `json:"group"`
	Rate   float64   `json:"per_second"` // as of now: it grows again
	Reason string    `json:"reason"`     // his reply
	Since  time.Time `json:"since"`
}

// freeAfter is when a pace that was halved once is free again: it has to grow
// fourfold. One that was halved more often is shown as long.
const freeAfter = 7 * recoverEvery

// paces lists who asked for less and has not recovered, the slowest first.
func (m *Mailer) paces(ctx context.Context) ([]Pace, error) {
	now := m.now()
	list, err := schema.Each(ctx, m.DB.Read, func(r schema.Row) (Pace, error) {
		var p Pace
		var at schema.Time
		err := r.Scan(&p.Relay, &p.Group, &p.Rate, &p.Reason, &at)
		p.Since = at.Time
		for range int(now.Sub(p.Since) / recoverEvery) {
			p.Rate *= recoverBy
		}
		return p, err
	}, `select relay, operator, rate, reason, changed_at from relay_paces where changed_at > $1`, schema.Millis(now.Add(-freeAfter)))
	if err != nil {
		return nil, fmt.Errorf("read paces: %w", err)
	}
	slices.SortFunc(list, func(a, b Pace) int { return cmp.Or(cmp.Compare(a.Rate, b.Rate), cmp.Compare(a.Group, b.Group)) })
	return list, nil
}
