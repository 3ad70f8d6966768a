package mailer

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// A Quota is what a relay is given of the mail, by all processes together. The
// zero Quota sets no bounds.
type Quota struct {
	// Share is its part of the mail, relative to the shares of the others. Those
	// without one stand in, in their order, when no relay with one can send: so
	// relays that all have none are used in order.
	Share   float64
	PerHour int // messages in any 60 minutes; 0 means no limit
	PerDay  int // messages in a UTC day; 0 means no limit
	Warmup  Warmup
}

// Warmup raises a relay's daily limit by the same factor each day, so that
// mailbox operators get to know it: from Start messages on the UTC day of From
// to End on the last of Days, and no limit after it.
type Warmup struct {
	From             time.Time // zero means no warm-up
	Start, End, Days int       // 0 means 200, 200,000 and 42
}

// Cap returns the limit of now's day and which day of the warm-up that is, from
// 1; ok is false when there is no warm-up or it is over.
func (w Warmup) Cap(now time.Time) (limit, day int, ok bool) {
	if w.From.IsZero() {
		return 0, 0, false
	}
	w = w.orDefault()
	day = int(startOfDay(now).Sub(startOfDay(w.From)).Hours()/24) + 1
	if day > w.Days {
		return 0, day, false
	}
	day = max(day, 1)
	growth := math.Pow(float64(w.End)/float64(w.Start), float64(day-1)/float64(max(w.Days-1, 1)))
	return int(math.Round(float64(w.Start) * growth)), day, true
}

func (w Warmup) orDefault() Warmup {
	w.Start, w.End, w.Days = cmp.Or(w.Start, 200), cmp.Or(w.End, 200_000), cmp.Or(w.Days, 42)
	return w
}

func startOfDay(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// day is the limit of a day, 0 when there is none.
func (q Quota) day(now time.Time) int {
	limit, _, ok := q.Warmup.Cap(now)
	if !ok || q.PerDay > 0 && q.PerDay < limit {
		return q.PerDay
	}
	return limit
}

func (q Quota) bounded() bool { return q.PerHour > 0 || q.PerDay > 0 || !q.Warmup.From.IsZero() }

// usage is how much of a relay's quota has been taken.
type usage struct{ hour, day int }

// used reads what was taken of a relay's quota in the 60 minutes and the UTC day
// up to now.
func (m *Mailer) used(ctx context.Context, q schema.Querier, relay string, now time.Time) (usage, error) {
	var u usage
	minute, midnight := now.Unix()/60, startOfDay(now).Unix()/60
	err := q.QueryRowContext(ctx, `
		select coalesce(sum(case when minute > $2 then taken else 0 end), 0), coalesce(sum(case when minute >= $3 then taken else 0 end), 0)
		from relay_use where relay = $1 and minute >= $4`,
		relay, minute-60, midnight, min(minute-60, midnight)).Scan(&u.hour, &u.day)
	if err != nil {
		return u, fmt.Errorf("read use of relay %s: %w", relay, err)
	}
	return u, nil
}

// left is how many of want messages a relay may still be given now. Within tx no
// other process takes of its quota.
func (s *sending) left(ctx context.Context, tx *sql.Tx, l *lane, want int) (int, error) {
	if !l.quota.bounded() {
		return want, nil
	}
	// Minute 0 is the lock.
	_, err := tx.ExecContext(ctx, `insert into relay_use (relay, minute, taken) values ($1, 0, 0) on conflict (relay, minute) do update set taken = 0`, l.String())
	if err != nil {
		return 0, fmt.Errorf("lock quota of relay %s: %w", l, err)
	}
	now := s.m.now()
	u, err := s.m.used(ctx, tx, l.String(), now)
	if err != nil {
		return 0, err
	}
	if l.quota.PerHour > 0 {
		want = min(want, l.quota.PerHour-u.hour)
	}
	if limit := l.quota.day(now); limit > 0 {
		want = min(want, limit-u.day)
	}
	return max(want, 0), nil
}

// spend takes the quota for jobs of a lane. What is given back untried is given
// back to it, see committer.record.
func (s *sending) spend(ctx context.Context, tx *sql.Tx, l *lane, jobs []*job) error {
	if !l.quota.bounded() || len(jobs) == 0 {
		return nil
	}
	minute := s.m.now().Unix() / 60
	for _, j := range jobs {
		j.minute = minute
	}
	_, err := tx.ExecContext(ctx, `
		insert into relay_use (relay, minute, taken) values ($1, $2, $3)
		on conflict (relay, minute) do update set taken = relay_use.taken + excluded.taken`, l.String(), minute, len(jobs))
	if err != nil {
		return fmt.Errorf("take quota of relay %s: %w", l, err)
	}
	return nil
}

// RelayState is how a relay stands: its health, its pace, and what is taken of
// its quota.
type RelayState struct {
	Name        string    `json:"name"`
	State       string    `json:"state"` // up | down | used up | unused
	Reason      string    `json:"reason,omitempty"`
	Since       time.Time `json:"since"`    // of State, zero when it was never used
	RetryAt     time.Time `json:"retry_at"` // while it is down
	Connections int       `json:"connections"`
	Rate        float64   `json:"per_second"` // 0: no limit
	Share       float64   `json:"share"`
	Hour        int       `json:"hour"`     // taken in the last 60 minutes, counted where there is a limit
	PerHour     int       `json:"per_hour"` // 0: no limit
	Day         int       `json:"day"`      // taken in this UTC day, counted where there is a limit
	PerDay      int       `json:"per_day"`  // today's limit; 0: none
	WarmupDay   int       `json:"warmup_day,omitempty"`
	WarmupDays  int       `json:"warmup_days,omitempty"`
	Slowed      []Pace    `json:"slowed,omitempty"` // operators that asked for less, slowest first
}

// RelayStates returns how every relay stands, in the order of the configuration.
func (m *Mailer) RelayStates(ctx context.Context) ([]RelayState, error) {
	now := m.now()
	paces, err := m.paces(ctx)
	if err != nil {
		return nil, err
	}
	var list []RelayState
	for _, t := range m.transports() {
		st, err := m.relayState(ctx, t, now)
		if err != nil {
			return nil, err
		}
		for _, p := range paces {
			if p.Relay == st.Name {
				st.Slowed = append(st.Slowed, p)
			}
		}
		list = append(list, st)
	}
	return list, nil
}

// Words tells pace, quota and operators in a line.
func (s RelayState) Words() string {
	words := []string{s.Pace()}
	if s.Share > 0 {
		words = append(words, fmt.Sprintf("share %g", s.Share))
	}
	if s.PerHour > 0 {
		words = append(words, fmt.Sprintf("%d of %d in the last hour", s.Hour, s.PerHour))
	}
	if s.PerDay > 0 {
		words = append(words, fmt.Sprintf("%d of %d this UTC day", s.Day, s.PerDay)+s.Warming())
	}
	for _, p := range s.Slowed {
		words = append(words, fmt.Sprintf("%s slowed to %.2g a second", p.Group, p.Rate))
	}
	return strings.Join(words, ", ")
}

// Pace is how fast a process sends by it.
func (s RelayState) Pace() string {
	pace := "as fast as it takes"
	if s.Rate > 0 {
		pace = fmt.Sprintf("%g a second", s.Rate)
	}
	return fmt.Sprintf("%d connections, %s", s.Connections, pace)
}

// Warming says in parentheses which day of the warm-up it is, "" when there is none.
func (s RelayState) Warming() string {
	if s.WarmupDay == 0 {
		return ""
	}
	return fmt.Sprintf(" (day %d of %d of its warm-up)", s.WarmupDay, s.WarmupDays)
}

func (m *Mailer) relayState(ctx context.Context, t Transport, now time.Time) (RelayState, error) {
	q, limits := m.Quotas[t.String()], t.Limits()
	st := RelayState{Name: t.String(), State: "unused", Connections: connectionsOf(t), Rate: limits.Rate, Share: q.Share, PerHour: q.PerHour, PerDay: q.day(now)}
	var retry, changed schema.Time
	err := m.DB.Read.QueryRowContext(ctx, `select state, reason, retry_at, changed_at from relay_health where relay = $1`, st.Name).Scan(&st.State, &st.Reason, &retry, &changed)
	if err != nil && err != sql.ErrNoRows {
		return st, fmt.Errorf("read health of relay %s: %w", st.Name, err)
	}
	st.RetryAt, st.Since = retry.Time, changed.Time
	if _, day, ok := q.Warmup.Cap(now); ok {
		st.WarmupDay, st.WarmupDays = day, q.Warmup.orDefault().Days
	}
	if !q.bounded() {
		return st, nil
	}
	u, err := m.used(ctx, m.DB.Read, st.Name, now)
	if err != nil {
		return st, err
	}
	st.Hour, st.Day = u.hour, u.day
	if st.State != "down" && (st.PerHour > 0 && u.hour >= st.PerHour || st.PerDay > 0 && u.day >= st.PerDay) {
		st.State = "used up"
	}
	return st, nil
}
