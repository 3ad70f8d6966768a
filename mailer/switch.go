package mailer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Names of switches.
const (
	switchArmed   = "armed"   // value: host and sender domain it was armed for
	switchArming  = "arming"  // value: hash of the code in the test mail
	switchStopped = "stopped" // value: why
)

// switches are what an operator has turned on, as this process last saw it.
type switches struct {
	stopped, armed bool
	held           map[int64]Send // issues that are not open, or have a window
}

// Status is how an installation's sending is switched.
type Status struct {
	Armed     bool
	ArmedFor  string // host and domain it was armed for, "" = never
	Stopped   bool
	StoppedBy string
	Why       string
	Since     time.Time // of Stopped, else of Armed
}

// Stop keeps every process from claiming and from beginning another message,
// within a second, until Start. It survives restarts.
func (m *Mailer) Stop(ctx context.Context, by, why string) error {
	return m.setSwitch(ctx, m.DB.Write, switchStopped, why, by)
}

// StopText is Stop as a statement, for a database that is not open yet.
func (m *Mailer) StopText(by, why string) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return fmt.Sprintf(`insert into switches (name, value, set_by, set_at) values (%[1]s, %[2]s, %[3]s, %[4]d)
		on conflict (name) do update set value = %[2]s, set_by = %[3]s, set_at = %[4]d`, quote(switchStopped), quote(why), quote(by), m.nowMillis())
}

// Start undoes Stop.
func (m *Mailer) Start(ctx context.Context) error {
	return m.clearSwitch(ctx, m.DB.Write, switchStopped)
}

// Errors of Arm.
var (
	ErrCode   = errors.New("this is not the code of the test mail, or it is older than an hour; have another one sent")
	ErrDomain = errors.New("no sender domain is configured")
)

// armingWindow is how long a test mail's code can be used.
const armingWindow = time.Hour

// ArmingCode makes the code for a test mail and remembers its hash. Post the
// mail as a letter of kind Arming: it goes out by the real relay.
func (m *Mailer) ArmingCode(ctx context.Context, tx *sql.Tx, by string) (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("make a code: %w", err)
	}
	code := fmt.Sprintf("%06d", n)
	return code, m.setSwitch(ctx, tx, switchArming, m.codeHash(code), by)
}

// Arm lets mail leave this machine. code is the one of the test mail. It holds
// for this host and sender domain only: a copied database is disarmed.
func (m *Mailer) Arm(ctx context.Context, by, code string) error {
	if m.SenderDomain == "" {
		return fmt.Errorf("arm: %w", ErrDomain)
	}
	return m.DB.InTx(ctx, func(tx *sql.Tx) error {
		var hash string
		var at schema.Time
		err := tx.QueryRowContext(ctx, `select value, set_at from switches where name = $1`, switchArming).Scan(&hash, &at)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("arm: %w", ErrCode)
		}
		if err != nil {
			return fmt.Errorf("arm: %w", err)
		}
		right := subtle.ConstantTimeCompare([]byte(hash), []byte(m.codeHash(strings.TrimSpace(code)))) == 1
		if !right || m.now().Sub(at.Time) > armingWindow {
			return fmt.Errorf("arm: %w", ErrCode)
		}
		if err := m.clearSwitch(ctx, tx, switchArming); err != nil {
			return err
		}
		return m.setSwitch(ctx, tx, switchArmed, m.armedValue(), by)
	})
}

// Disarm sends everything to the catcher again, within a second.
func (m *Mailer) Disarm(ctx context.Context) error {
	return m.clearSwitch(ctx, m.DB.Write, switchArmed)
}

// Status reads the switches.
func (m *Mailer) Status(ctx context.Context) (Status, error) {
	rows, err := m.DB.Read.QueryContext(ctx, `select name, value, set_by, set_at from switches`)
	if err != nil {
		return Status{}, fmt.Errorf("read switches: %w", err)
	}
	defer rows.Close()
	var st Status
	var armedAt time.Time
	for rows.Next() {
		var name, value, by string
		var at schema.Time
		if err := rows.Scan(&name, &value, &by, &at); err != nil {
			return Status{}, fmt.Errorf("read switches: %w", err)
		}
		switch name {
		case switchArmed:
			st.ArmedFor, st.Armed, armedAt = value, value == m.armedValue() && m.SenderDomain != "" && !m.Catch, at.Time
		case switchStopped:
			st.Stopped, st.StoppedBy, st.Why, st.Since = true, by, value, at.Time
		}
	}
	if !st.Stopped {
		st.Since = armedAt
	}
	return st, rows.Err()
}

func (m *Mailer) switches(ctx context.Context) (*switches, error) {
	st, err := m.Status(ctx)
	if err != nil {
		return nil, err
	}
	return &switches{stopped: st.Stopped, armed: st.Armed, held: map[int64]Send{}}, nil
}

func (m *Mailer) armedValue() string { return m.host() + " " + m.SenderDomain }

func (m *Mailer) codeHash(code string) string {
	sum := sha256.Sum256([]byte(m.armedValue() + " " + code))
	return hex.EncodeToString(sum[:])
}

func (m *Mailer) setSwitch(ctx context.Context, q schema.Querier, name, value, by string) error {
	_, err := q.ExecContext(ctx, `
		insert into switches (name, value, set_by, set_at) values ($1, $2, $3, $4)
		on conflict (name) do update set value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at`,
		name, value, by, m.nowMillis())
	if err != nil {
		return fmt.Errorf("set switch %s: %w", name, err)
	}
	return nil
}

func (m *Mailer) clearSwitch(ctx context.Context, q schema.Querier, name string) error {
	if _, err := q.ExecContext(ctx, `delete from switches where name = $1`, name); err != nil {
		return fmt.Errorf("clear switch %s: %w", name, err)
	}
	return nil
}
