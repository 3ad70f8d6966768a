package subscribers

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"pressrun/deploy/schema"
	"pressrun/subscribers/address"
)

// Subscriber is a person at a mail address.
type Subscriber struct {
	ID       int64             `json:"id"`
	Email    address.Address   `json:"email"`     // as typed
	Key      string            `json:"email_key"` // canonical
	Name     string            `json:"name"`
	Language string            `json:"language"` // BCP 47 in lower case; "" = the newsletter's
	Zone     string            `json:"zone"`     // IANA; "" = the newsletter's
	TextOnly bool              `json:"text_only"`
	Attrs    map[string]string `json:"attrs"`
	Created  time.Time         `json:"created_at"`
	Updated  time.Time         `json:"updated_at"`
	// Lists is filled by Page alone: list name → state.
	Lists map[string]State `json:"lists,omitempty"`
	// Suppressed is the reason why the address is not written to; filled by Page alone.
	Suppressed Reason `json:"suppressed,omitempty"`
}

const subscriberColumns = `u.id, u.email, u.email_key, u.name, u.language, u.zone, u.text_only, u.attrs, u.created_at, u.updated_at`

func scanSubscriber(r schema.Row) (Subscriber, error) {
	var v Subscriber
	var attrs []byte
	var created, updated schema.Time
	if err := r.Scan(&v.ID, &v.Email, &v.Key, &v.Name, &v.Language, &v.Zone, &v.TextOnly, &attrs, &created, &updated); err != nil {
		return v, err
	}
	v.Created, v.Updated = created.Time, updated.Time
	return v, json.Unmarshal(attrs, &v.Attrs)
}

// ByID finds a subscriber, or fails with ErrNotFound.
func (s *Store) ByID(ctx context.Context, id int64) (Subscriber, error) {
	return s.byID(ctx, s.DB.Read, id)
}

func (s *Store) byID(ctx context.Context, q schema.Querier, id int64) (Subscriber, error) {
	v, err := scanSubscriber(q.QueryRowContext(ctx, `select `+subscriberColumns+` from subscribers u where u.id = $1`, id))
	return v, notFound(err, "subscriber", fmt.Sprint(id))
}

// ByIDs finds subscribers, by id; those who are not there are left out.
func (s *Store) ByIDs(ctx context.Context, ids []int64) (map[int64]Subscriber, error) {
	found := make(map[int64]Subscriber, len(ids))
	among, arg := s.DB.Engine.Among("u.id", 1, ids)
	list, err := schema.Each(ctx, s.DB.Read, scanSubscriber, `select `+subscriberColumns+` from subscribers u where `+among, arg)
	if err != nil {
		return nil, fmt.Errorf("%d subscribers: %w", len(ids), err)
	}
	for _, v := range list {
		found[v.ID] = v
	}
	return found, nil
}

// Find finds a subscriber by address, or fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, email string) (Subscriber, error) {
	return s.FindIn(ctx, s.DB.Read, email)
}

// FindIn is Find by q, the database or a transaction.
func (s *Store) FindIn(ctx context.Context, q schema.Querier, email string) (Subscriber, error) {
	a, err := address.Parse(strings.TrimSpace(email))
	if err != nil {
		return Subscriber{}, fmt.Errorf("subscriber %s: %w", email, err)
	}
	return s.byKey(ctx, q, a.Key())
}

func (s *Store) byKey(ctx context.Context, q schema.Querier, key string) (Subscriber, error) {
	v, err := scanSubscriber(q.QueryRowContext(ctx, `select `+subscriberColumns+` from subscribers u where u.email_key = $1`, key))
	return v, notFound(err, "subscriber", key)
}

// Limits of what is kept about a person, in characters.
const (
	MaxName  = 100
	MaxAttr  = 500
	MaxAttrs = 50
)

var attrName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Tidy brings what was typed into the form that is kept: spaces and control
// characters folded, lengths cut, language and zone checked. It reports what
// cannot be kept.
func (v *Subscriber) Tidy() error {
	v.Name = clip(v.Name, MaxName)
	if v.Language != "" {
		tag, err := language.Parse(v.Language)
		if err != nil {
			return fmt.Errorf("%q is %w; write for instance en or ur", clip(v.Language, 40), ErrLanguage)
		}
		v.Language = strings.ToLower(tag.String())
	}
	if v.Zone != "" {
		if _, err := time.LoadLocation(v.Zone); err != nil || v.Zone == "Local" || len(v.Zone) > 64 {
			return fmt.Errorf("%q is not a time zone; write for instance Asia/Karachi", clip(v.Zone, 40))
		}
	}
	if len(v.Attrs) > MaxAttrs {
		return fmt.Errorf("more than %d attributes", MaxAttrs)
	}
	for k, text := range v.Attrs {
		if !attrName.MatchString(k) {
			return fmt.Errorf("attribute %q: use a–z, 0–9 and _, a letter first", clip(k, 40))
		}
		v.Attrs[k] = clip(text, MaxAttr)
	}
	return nil
}

// clip makes one line of at most n characters out of any text: valid UTF-8,
// NFC, no control or bidirectional override characters, single spaces.
func clip(text string, n int) string {
	if len(text) > 8*n {
		text = text[:8*n]
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(norm.NFC.String(text)), " ")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:n]))
}

// fold is text for comparing and searching without regard to case. SQL's
// lower() knows no letters beyond ASCII on SQLite.
func fold(text string) string {
	return strings.ToLower(norm.NFKC.String(clip(text, 4*MaxName)))
}

// create stores a new subscriber. ErrTaken when the address is known.
func (s *Store) create(ctx context.Context, tx *sql.Tx, v Subscriber) (Subscriber, error) {
	if err := v.Tidy(); err != nil {
		return v, err
	}
	if v.Attrs == nil {
		v.Attrs = map[string]string{}
	}
	attrs, err := json.Marshal(v.Attrs)
	if err != nil {
		return v, err
	}
	v.Key = v.Email.Key()
	v.Created = s.Now().UTC().Truncate(time.Millisecond)
	v.Updated = v.Created
	err = tx.QueryRowContext(ctx, `
		insert into subscribers (email, email_key, name, name_key, language, zone, text_only, attrs, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) on conflict (email_key) do nothing returning id`,
		string(v.Email), v.Key, v.Name, fold(v.Name), v.Language, v.Zone, v.TextOnly, string(attrs), schema.At(v.Created)).Scan(&v.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return v, fmt.Errorf("subscriber %s: %w", v.Email, ErrTaken)
	}
	if err != nil {
		return v, fmt.Errorf("subscriber %s: %w", v.Email, err)
	}
	return v, nil
}

// ensure finds or creates the subscriber of a sign-up. What a stranger types
// into a form does not change what is known about somebody.
func (s *Store) ensure(ctx context.Context, tx *sql.Tx, a address.Address, in Signup) (Subscriber, error) {
	v, err := s.byKey(ctx, tx, a.Key())
	if !errors.Is(err, ErrNotFound) {
		return v, err
	}
	v = Subscriber{Email: a, Name: in.Name, Language: in.Language, Zone: in.Zone}
	if (&Subscriber{Language: v.Language}).Tidy() != nil {
		v.Language = ""
	}
	if (&Subscriber{Zone: v.Zone}).Tidy() != nil {
		v.Zone = ""
	}
	v, err = s.create(ctx, tx, v)
	if errors.Is(err, ErrTaken) { // somebody was faster
		return s.byKey(ctx, tx, a.Key())
	}
	return v, err
}

// New is a subscriber added by hand or by another system, with consent given
// elsewhere.
type New struct {
	Subscriber
	ListNames []string
	Consent   Consent // basis, source, wording, evidence, until; Given zero = now
	By        string  // who adds
}

// Add adds somebody whose consent was given elsewhere to lists, active at once,
// and writes down that consent. A known subscriber keeps what is known.
// ErrConsent without a source, ErrSuppressed and ErrLeft for those who must not
// be brought back; adding to a list he is on already changes nothing.
func (s *Store) Add(ctx context.Context, n New) (Subscriber, error) {
	a, err := address.Parse(strings.TrimSpace(string(n.Email)))
	if err != nil {
		return Subscriber{}, fmt.Errorf("add %s: %w", n.Email, err)
	}
	if n.Consent.Given.IsZero() {
		n.Consent.Given = s.Now()
	}
	if err := n.Consent.Check(); err != nil {
		return Subscriber{}, fmt.Errorf("add %s: %w", a, err)
	}
	var sub Subscriber
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		x, suppressed, err := s.Suppressed(ctx, tx, a.Key())
		if err != nil {
			return err
		}
		if suppressed {
			return fmt.Errorf("%s: %w", reasonWords[x.Reason], ErrSuppressed)
		}
		if sub, err = s.byKey(ctx, tx, a.Key()); errors.Is(err, ErrNotFound) {
			n.Email = a
			sub, err = s.create(ctx, tx, n.Subscriber)
		}
		if err != nil {
			return err
		}
		for _, name := range n.ListNames {
			if err := s.addTo(ctx, tx, sub.ID, name, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Subscriber{}, fmt.Errorf("add %s: %w", a, err)
	}
	return sub, nil
}

func (s *Store) addTo(ctx context.Context, tx *sql.Tx, id int64, name string, n New) error {
	list, err := s.ListID(ctx, tx, name)
	if err != nil {
		return err
	}
	v, err := s.subscription(ctx, tx, id, list)
	switch {
	case err == nil && (v.State == Active || v.State == Paused):
		return nil
	case err == nil && v.State == Pending:
		left, failed := s.hasLeft(ctx, tx, id, list)
		if failed != nil {
			return failed
		}
		if left {
			return fmt.Errorf("list %s: %w", name, ErrLeft)
		}
		err = s.change(ctx, tx, v, Active, change{kind: "added", reason: n.Consent.Source, actor: n.By})
	case err == nil:
		return fmt.Errorf("list %s: %w", name, ErrLeft)
	case errors.Is(err, ErrNotFound):
		err = s.insert(ctx, tx, Subscription{List: list, Subscriber: id, State: Active, Source: n.Consent.Source, Wording: n.Consent.Wording, Until: n.Consent.Until},
			change{kind: "added", reason: n.Consent.Source, actor: n.By})
	}
	if err != nil {
		return err
	}
	c := n.Consent
	c.Subscriber, c.List = id, list
	return s.addConsent(ctx, tx, c)
}

// hasLeft says of somebody who is asked to confirm whether he has left that list
// before: then somebody may have typed his address, and only he can come back.
func (s *Store) hasLeft(ctx context.Context, tx *sql.Tx, id, list int64) (left bool, err error) {
	err = tx.QueryRowContext(ctx, `select exists (select 1 from subscriber_events where subscriber_id = $1 and list_id = $2 and kind = 'left')`, id, list).Scan(&left)
	return left, err
}

// update stores name, language and text-only, as a subscriber has changed them
// himself.
func (s *Store) update(ctx context.Context, tx *sql.Tx, old, v Subscriber) error {
	if err := v.Tidy(); err != nil {
		return err
	}
	changed := differences(old, v)
	if changed == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		update subscribers set name = $2, name_key = $3, language = $4, text_only = $5, updated_at = $6 where id = $1`,
		v.ID, v.Name, fold(v.Name), v.Language, v.TextOnly, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("update subscriber %d: %w", v.ID, err)
	}
	return s.note(ctx, tx, Event{Subscriber: v.ID, Kind: "changed", Detail: changed, At: s.Now()})
}

// differences names the fields that differ, not their values.
func differences(a, b Subscriber) string {
	var out []string
	if a.Language != b.Language {
		out = append(out, "language")
	}
	if a.Name != b.Name {
		out = append(out, "name")
	}
	if a.TextOnly != b.TextOnly {
		out = append(out, "text only")
	}
	return strings.Join(out, ", ")
}

// Forget erases a subscriber: address, name, attributes, subscriptions,
// consents, history, and the letters to him. What stays is the hash of the address, suppressed for
// ever, and the number of the row in the ledger.
func (s *Store) Forget(ctx context.Context, id int64, actor string) error {
	err := s.DB.InTx(ctx, func(tx *sql.Tx) error {
		v, err := s.byID(ctx, tx, id)
		if err != nil {
			return err
		}
		at := s.Now()
		s.Journal.add(fact{at, "erased", s.Keys.hash(v.Key), ""})
		return s.erase(ctx, tx, v.ID, v.Key, at)
	})
	if err != nil {
		return fmt.Errorf("forget subscriber %d: %w", id, err)
	}
	s.log().Info("subscriber erased", "id", id, "by", actor)
	return nil
}

func (s *Store) erase(ctx context.Context, tx *sql.Tx, id int64, key string, at time.Time) error {
	if err := s.deleteSubscriber(ctx, tx, id, key); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `delete from suppressions where email_key = $1`, key); err != nil {
		return err
	}
	if err := insertSuppression(ctx, tx, Suppression{Key: s.Keys.hash(key), Reason: Forgotten, At: at}); err != nil {
		return err
	}
	return s.note(ctx, tx, Event{Subscriber: id, Kind: "erased", At: s.Now()})
}

// deleteSubscriber deletes what is kept about a subscriber with that address, in
// this room and in others.
func (s *Store) deleteSubscriber(ctx context.Context, tx *sql.Tx, id int64, key string) error {
	for _, q := range []string{
		`delete from subscriptions where subscriber_id = $1`, `delete from consents where subscriber_id = $1`,
		`delete from subscriber_events where subscriber_id = $1`, `delete from import_rows where subscriber_id = $1`, `delete from subscribers where id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, q, id); err != nil {
			return fmt.Errorf("delete subscriber %d: %w", id, err)
		}
	}
	if s.Erased == nil {
		return nil
	}
	return s.Erased(ctx, tx, id, key)
}

// eraseUnconfirmed deletes addresses that were typed into a form and never
// confirmed anything: nobody gave us the right to keep them.
func (s *Store) eraseUnconfirmed(ctx context.Context, before time.Time) (int, error) {
	const unconfirmed = ` from subscribers u
		where u.created_at <= $1
		  and exists (select 1 from subscriptions s where s.subscriber_id = u.id)
		  and not exists (select 1 from subscriptions s where s.subscriber_id = u.id
		                  and (s.state <> 'expired' or s.confirmed_at is not null or s.changed_at > $1))
		  and not exists (select 1 from consents c where c.subscriber_id = u.id)`
	total := 0
	for {
		// Outside of the transaction, as in tend: it looks at all subscribers.
		found, err := schema.Each(ctx, s.DB.Read, schema.Column[int64], `select u.id`+unconfirmed+` order by u.id limit $2`, schema.At(before), tendBatch)
		if err == nil && len(found) > 0 {
			err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
				for _, id := range found {
					if err := lock(ctx, tx, id); err != nil {
						return err
					}
				}
				among, arg := s.DB.Engine.Among("u.id", 2, found)
				still, err := schema.Each(ctx, tx, scanSubscriber, `select `+subscriberColumns+unconfirmed+` and `+among, schema.At(before), arg)
				if err != nil {
					return err
				}
				for _, v := range still { // without those who came back meanwhile
					if err := s.deleteSubscriber(ctx, tx, v.ID, v.Key); err != nil {
						return err
					}
				}
				total += len(still)
				return nil
			})
		}
		if err != nil {
			return total, fmt.Errorf("delete unconfirmed addresses: %w", err)
		}
		if len(found) < tendBatch {
			return total, nil
		}
	}
}
