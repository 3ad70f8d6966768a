// Package installation knows who may use the desk of this installation, what
// needs a person now, and who did what.
//
// A [User] signs in with a one-time link and holds one [Role]. An
// [Alarm] is opened once for each kind and subject, counts repetitions, and is
// closed when the trouble is over: it is announced, not discovered. The audit
// keeps every action of a person that changed something.
package installation

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Store reads and writes this package's tables. It may be used concurrently.
type Store struct {
	DB  *schema.DB
	Now func() time.Time
}

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("not found")
	// ErrLink is returned for a sign-in link that is unknown, used or expired.
	ErrLink = errors.New("this link has been used or has expired; ask for a new one")
)

// Roles, each with everything the ones before it may do. A list admin may also
// change lists and subscribers; an operator may do everything.
var Roles = []string{"viewer", "editor", "approver", "list admin", "operator"}

// User is a person who may use the desk.
type User struct {
	ID    int64     `json:"id"`
	Email string    `json:"email"`
	Name  string    `json:"name"`
	Role  string    `json:"role"`
	Seen  time.Time `json:"seen_at,omitzero"` // at the desk, last; zero = never
}

// May reports whether the user's role includes the wanted one.
func (u User) May(role string) bool {
	return slices.Index(Roles, u.Role) >= slices.Index(Roles, role)
}

// AddUser creates a user, or returns the one with that address, role and name changed. A
// role or name that is "" stays as it is; a new user is an editor then.
func (s *Store) AddUser(ctx context.Context, email, name, role string) (User, error) {
	a, err := mail.ParseAddress(email)
	if err != nil {
		return User{}, fmt.Errorf("add user: %q is not a mail address", email)
	}
	if role != "" && !slices.Contains(Roles, role) {
		return User{}, fmt.Errorf("add user: role %q is not one of %s", role, strings.Join(Roles, ", "))
	}
	var u User
	err = s.DB.Write.QueryRowContext(ctx, `
		insert into users (email, name, role, created_at) values ($1, $2, $3, $4)
		on conflict (email) do update set
			role = case when $5 then users.role else excluded.role end,
			name = case when excluded.name = '' then users.name else excluded.name end
		returning id, email, name, role`, strings.ToLower(a.Address), name, cmp.Or(role, "editor"), schema.At(s.Now()), role == "").Scan(&u.ID, &u.Email, &u.Name, &u.Role)
	if err != nil {
		return u, fmt.Errorf("add user %s: %w", email, err)
	}
	return u, nil
}

// Users lists all users by address.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	return schema.Each(ctx, s.DB.Read, func(r schema.Row) (User, error) {
		var u User
		var seen schema.Time
		err := r.Scan(&u.ID, &u.Email, &u.Name, &u.Role, &seen)
		u.Seen = seen.Time
		return u, err
	}, `select id, email, name, role, seen_at from users order by email`)
}

// RemoveUser takes away a user with all sessions.
func (s *Store) RemoveUser(ctx context.Context, email string) error {
	return s.DB.InTx(ctx, func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRowContext(ctx, `select id from users where email = $1`, strings.ToLower(email)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			err = ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("user %s: %w", email, err)
		}
		for _, q := range []string{`delete from sessions where user_id = $1`, `delete from sign_in_links where user_id = $1`, `delete from users where id = $1`} {
			if _, err := tx.ExecContext(ctx, q, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// LinkAge and SessionAge are how long a sign-in link and a session live.
const (
	LinkAge    = 30 * time.Minute
	SessionAge = 14 * 24 * time.Hour
)

// SignInToken makes a one-time token for the user with that address.
func (s *Store) SignInToken(ctx context.Context, email string) (string, error) {
	token := newToken()
	now := s.Now()
	res, err := s.DB.Write.ExecContext(ctx, `
		insert into sign_in_links (token_hash, user_id, created_at, expires_at)
		select $1, id, $3, $4 from users where email = $2`, hash(token), strings.ToLower(email), schema.At(now), schema.At(now.Add(LinkAge)))
	if err != nil {
		return "", fmt.Errorf("sign-in link for %s: %w", email, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return "", fmt.Errorf("user %s: %w", email, ErrNotFound)
	}
	return token, nil
}

// SignIn trades a one-time token for a session token.
func (s *Store) SignIn(ctx context.Context, token string) (session string, err error) {
	session = newToken()
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *sql.Tx) error {
		var user int64
		err := tx.QueryRowContext(ctx, `
			update sign_in_links set used_at = $2 where token_hash = $1 and used_at is null and expires_at > $2 returning user_id`,
			hash(token), schema.At(now)).Scan(&user)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrLink
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update users set seen_at = $2 where id = $1`, user, schema.At(now)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into sessions (token_hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)`,
			hash(session), user, schema.At(now), schema.At(now.Add(SessionAge)))
		return err
	})
	return session, err
}

// SessionUser is the user of a session token; ErrNotFound when it is unknown or over.
func (s *Store) SessionUser(ctx context.Context, session string) (User, error) {
	var u User
	err := s.DB.Read.QueryRowContext(ctx, `
		select u.id, u.email, u.name, u.role from sessions s join users u on u.id = s.user_id
		where s.token_hash = $1 and s.expires_at > $2`, hash(session), schema.At(s.Now())).Scan(&u.ID, &u.Email, &u.Name, &u.Role)
	if errors.Is(err, sql.ErrNoRows) {
		return u, ErrNotFound
	}
	return u, err
}

// SignOut ends a session.
func (s *Store) SignOut(ctx context.Context, session string) error {
	_, err := s.DB.Write.ExecContext(ctx, `delete from sessions where token_hash = $1`, hash(session))
	return err
}

func newToken() string { return rand.Text() }

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Action is one line of the audit.
type Action struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	Detail string    `json:"detail"`
}

// ErrUnrecorded is in the error of who did what was asked for, but could not write
// it down.
var ErrUnrecorded = errors.New("it was done, but who did it could not be written down")

// Audit writes down what a person did, after it is done: also for somebody who
// does not wait for the answer. The error is an ErrUnrecorded.
func (s *Store) Audit(ctx context.Context, actor, action, object, detail string) error {
	_, err := s.DB.Write.ExecContext(context.WithoutCancel(ctx), `insert into audit (actor, action, object, detail, done_at) values ($1, $2, $3, $4, $5)`,
		actor, action, object, detail, schema.At(s.Now()))
	if err != nil {
		return fmt.Errorf("%s: %s %s: %w: %w", actor, action, object, ErrUnrecorded, err)
	}
	return nil
}

// ForgetAddress takes an address, in lower case, out of the audit, within the
// transaction that erases its holder. That something was done to it stays.
func ForgetAddress(ctx context.Context, tx *sql.Tx, address string) error {
	type noted struct {
		id     int64
		detail string
	}
	list, err := schema.Each(ctx, tx, func(r schema.Row) (n noted, err error) { return n, r.Scan(&n.id, &n.detail) },
		`select id, detail from audit where lower(detail) like $1 escape '\'`, "%"+literally(address)+"%")
	if err == nil {
		_, err = tx.ExecContext(ctx, `update audit set object = 'an erased address' where lower(object) = $1`, address)
	}
	whole := regexp.MustCompile(`(?i)(^|[^\pL\d.+_-])` + regexp.QuoteMeta(address) + `(\.?(?:[^\pL\d._-]|$))`) // not a part of another address
	for _, n := range list {
		if err == nil {
			_, err = tx.ExecContext(ctx, `update audit set detail = $2 where id = $1`, n.id, whole.ReplaceAllString(n.detail, "${1}an erased address${2}"))
		}
	}
	if err != nil {
		return fmt.Errorf("forget an address in the audit: %w", err)
	}
	return nil
}

// literally is a text that like ... escape '\' takes as it stands.
func literally(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

// Actions lists actions whose text contains search, the newest first unless
// oldest is asked for, and counts them all.
func (s *Store) Actions(ctx context.Context, search string, oldest bool, limit, offset int) ([]Action, int, error) {
	const where = ` from audit where $1 = '' or lower(actor || ' ' || action || ' ' || object || ' ' || detail) like '%' || lower($1) || '%' escape '\'`
	search = literally(search)
	total := 0
	if err := s.DB.Read.QueryRowContext(ctx, `select count(*)`+where, search).Scan(&total); err != nil {
		return nil, 0, err
	}
	order := " order by id desc"
	if oldest {
		order = " order by id"
	}
	list, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) (Action, error) {
		var a Action
		var at schema.Time
		err := r.Scan(&at, &a.Actor, &a.Action, &a.Object, &a.Detail)
		a.At = at.Time
		return a, err
	}, `select done_at, actor, action, object, detail`+where+order+` limit $2 offset $3`, search, limit, offset)
	return list, total, err
}

// KeepAlarms is how long an alarm is kept once it is over: last year's can still be
// looked at.
const KeepAlarms = 400 * 24 * time.Hour

// HouseKeep deletes sessions and links that are over, and alarms that have long been, at
// most batch rows of each.
func (s *Store) HouseKeep(ctx context.Context, batch int) error {
	for _, table := range []string{"sessions", "sign_in_links"} {
		_, err := s.DB.Write.ExecContext(ctx, `delete from `+table+` where token_hash in (select token_hash from `+table+` where expires_at < $1 limit $2)`,
			schema.At(s.Now()), batch)
		if err != nil {
			return fmt.Errorf("delete old %s: %w", table, err)
		}
	}
	_, err := s.DB.Write.ExecContext(ctx, `delete from alarms where id in (select id from alarms where closed_at < $1 limit $2)`, schema.At(s.Now().Add(-KeepAlarms)), batch)
	if err != nil {
		return fmt.Errorf("delete old alarms: %w", err)
	}
	return nil
}
