package mailer

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"pressrun/deploy/schema"
	"pressrun/mailer/message"
	"pressrun/templates"
)

// Arming is the kind of letter that leaves by a real relay while the
// installation is disarmed: the test mail with the code for Arm.
const Arming = "arming"

// A Letter is one mail to one person outside an issue.
type Letter struct {
	Kind  string // confirmation, welcome, approval, test, alarm, Arming …
	Email templates.Email
	// Message is a sealed mail to be sent instead of Email, as the test of an
	// issue is: From is then still Email's.
	Message []byte
	To      Recipient // ID 0: not a subscriber
	// About is a subscriber whom it is about though it is not to him; 0 = none.
	About int64
	// EnvelopeFrom is where bounces go unless Mailer.ReturnPath says; empty means the
	// address of Email.From.
	EnvelopeFrom string
	// Expires is how long it is worth sending; 0 means DefaultExpires.
	Expires time.Duration
}

// Post queues a letter in its own lane: it leaves within a second after tx is
// committed, however much else is being sent, and is never held back by a rate.
// Nothing is written when it cannot be composed.
func (m *Mailer) Post(ctx context.Context, tx *sql.Tx, l Letter) (int64, error) {
	from, err := mail.ParseAddress(l.Email.From)
	if err != nil {
		return 0, fmt.Errorf("post %s: sender %q: %w", l.Kind, l.Email.From, err)
	}
	if l.EnvelopeFrom == "" {
		l.EnvelopeFrom = from.Address
	}
	now := m.now()
	id := letterID(from.Address)
	wire, err := compose(l, id, now)
	if err != nil {
		return 0, fmt.Errorf("post %s: %w", l.Kind, err)
	}
	subscriber, about := sql.NullInt64{Int64: l.To.ID, Valid: l.To.ID != 0}, sql.NullInt64{Int64: l.About, Valid: l.About != 0}
	var row int64
	err = tx.QueryRowContext(ctx, `
		insert into letters (kind, address, subscriber_id, about_id, language, envelope_from, message, state, message_id, created_at, expires_at, next_at)
		values ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9, $10, $9) returning id`,
		l.Kind, l.To.Address, subscriber, about, l.Email.Language, l.EnvelopeFrom, wire, id,
		schema.Millis(now), schema.Millis(now.Add(cmp.Or(l.Expires, DefaultExpires)))).Scan(&row)
	if err != nil {
		return 0, fmt.Errorf("post %s: %w", l.Kind, err)
	}
	return row, nil
}

// DropLetters deletes the letters to a subscriber, to an address in lower case, and
// about him, within the transaction that erases him: they hold his address and
// links. Of one that a process has claimed the body goes out only if it was on its
// way already.
func DropLetters(ctx context.Context, tx *sql.Tx, subscriber int64, address string) error {
	if _, err := tx.ExecContext(ctx, dropLettersSQL, subscriber, address); err != nil {
		return fmt.Errorf("delete letters to subscriber %d: %w", subscriber, err)
	}
	return nil
}

const dropLettersSQL = `delete from letters where subscriber_id = $1 or about_id = $1 or lower(address) = $2`

func compose(l Letter, id string, now time.Time) ([]byte, error) {
	sealed := l.Message
	if sealed == nil {
		var err error
		if sealed, err = message.Compose(l.Email); err != nil {
			return nil, err
		}
	}
	t, err := message.Parse(sealed)
	if err != nil {
		return nil, err
	}
	return t.Splice(nil, message.Values{To: l.To.Address, Date: now, MessageID: id, Unsubscribe: l.To.Slots[templates.SlotUnsubscribe], Mailto: l.To.Slots[templates.SlotMailto], Named: l.To.Slots})
}

// LetterMark begins the Message-IDs of letters.
const LetterMark = "letter"

func letterID(from string) string {
	b := make([]byte, 10)
	rand.Read(b)
	return LetterMark + "." + hex.EncodeToString(b) + "@" + from[strings.LastIndexByte(from, '@')+1:]
}

// ErrNoLetter is returned for a letter that does not exist (any more).
var ErrNoLetter = errors.New("no such letter")

// LetterState returns how a letter fared, and the reason or reply in words.
func (m *Mailer) LetterState(ctx context.Context, id int64) (State, string, error) {
	var state State
	var reason, reply string
	err := m.DB.Read.QueryRowContext(ctx, `select state, reason, reply from letters where id = $1`, id).Scan(&state, &reason, &reply)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", fmt.Errorf("letter %d: %w", id, ErrNoLetter)
	}
	if err != nil {
		return "", "", fmt.Errorf("read letter %d: %w", id, err)
	}
	return state, strings.TrimSpace(reason + " " + reply), nil
}

// arrivesWithin is how long a letter may still come back before it counts as arrived:
// nearly all reports are there within minutes.
const arrivesWithin = 24 * time.Hour

// Unreached says why letters to somebody who is no reader do not arrive: what was
// said to the last one of which it is known. It is "" when that one arrived, and when
// there was none within the time for which letters are kept.
func (m *Mailer) Unreached(ctx context.Context, address string) (string, error) {
	var back sql.NullInt64
	var said Returned
	var state State
	var refused string
	err := m.DB.Read.QueryRowContext(ctx, `
		select b.id, coalesce(b.status, ''), coalesce(b.diagnostic, ''), coalesce(b.reason, ''), l.state, trim(l.reason || ' ' || l.reply)
		from letters l left join returned_mails b on b.id = (select max(x.id) from returned_mails x where x.letter_id = l.id and x.kind = 'bounce' and x.class <> 'none')
		where lower(l.address) = $1 and l.subscriber_id is null and l.about_id is null
			and (b.id is not null or l.state = 'accepted' and l.done_at <= $2 or l.state in ('failed', 'expired') and l.code >= 400)
		order by l.id desc limit 1`, strings.ToLower(address), schema.Millis(m.now().Add(-arrivesWithin))).
		Scan(&back, &said.Status, &said.Diagnostic, &said.Reason, &state, &refused)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("letters to %s: %w", address, err)
	case back.Valid:
		return said.said(), nil
	case state == StateAccepted:
		return "", nil
	}
	return refused, nil
}
