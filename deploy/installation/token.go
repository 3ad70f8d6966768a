package installation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pressrun/deploy/schema"
)

// Token is what a program shows to call the API; it has a role as a user has.
type Token struct {
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	MadeBy  string    `json:"made_by"`
	Created time.Time `json:"created_at"`
	Expires time.Time `json:"expires_at,omitzero"` // zero = never
	Used    time.Time `json:"used_at,omitzero"`    // to the minute
}

// tokenPrefix lets scanners for leaked secrets know our tokens.
const tokenPrefix = "pressrun_"

// ErrToken is returned for a token that cannot be made as it is asked for.
var ErrToken = errors.New("no token was made")

// May reports whether the token's role includes the wanted one.
func (t Token) May(role string) bool { return User{Role: t.Role}.May(role) }

// AddToken makes a token and returns what its holder shows: it is not kept and
// cannot be had again. A lifetime of 0 has no end.
func (s *Store) AddToken(ctx context.Context, name, role, by string, lifetime time.Duration) (secret string, err error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 100 {
		return "", fmt.Errorf("give it a name of 1 to 100 bytes, such as the program that will use it: %w", ErrToken)
	}
	if !slices.Contains(Roles, role) {
		return "", fmt.Errorf("role %q is not one of %s: %w", role, strings.Join(Roles, ", "), ErrToken)
	}
	if lifetime < 0 {
		return "", fmt.Errorf("it cannot work for %s: %w", lifetime, ErrToken)
	}
	var expires time.Time
	if lifetime > 0 {
		expires = s.Now().Add(lifetime)
	}
	secret = tokenPrefix + newToken()
	res, err := s.DB.Write.ExecContext(ctx, `insert into tokens (name, token_hash, role, made_by, created_at, expires_at) values ($1, $2, $3, $4, $5, $6) on conflict (name) do nothing`,
		name, hash(secret), role, by, schema.At(s.Now()), schema.At(expires))
	if err != nil {
		return "", fmt.Errorf("add token %s: %w", name, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return "", fmt.Errorf("there is one called %q; take it away first, or choose another name: %w", name, ErrToken)
	}
	return secret, nil
}

// Tokens lists all tokens by name.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	return schema.Each(ctx, s.DB.Read, scanToken, `select name, role, made_by, created_at, expires_at, used_at from tokens order by name`)
}

func scanToken(r schema.Row) (t Token, err error) {
	var created, expires, used schema.Time
	err = r.Scan(&t.Name, &t.Role, &t.MadeBy, &created, &expires, &used)
	t.Created, t.Expires, t.Used = created.Time, expires.Time, used.Time
	return t, err
}

// TokenOf is the token of which a program shows the secret, and notes its use;
// ErrNotFound when there is none, or it has expired.
func (s *Store) TokenOf(ctx context.Context, secret string) (Token, error) {
	now := s.Now()
	t, err := scanToken(s.DB.Read.QueryRowContext(ctx, `
		select name, role, made_by, created_at, expires_at, used_at from tokens where token_hash = $1 and (expires_at is null or expires_at > $2)`,
		hash(secret), schema.At(now)))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return t, fmt.Errorf("token: %w", ErrNotFound)
	case err != nil:
		return t, fmt.Errorf("token: %w", err)
	case now.Sub(t.Used) >= time.Minute:
		if _, err := s.DB.Write.ExecContext(ctx, `update tokens set used_at = $2 where name = $1`, t.Name, schema.At(now)); err != nil {
			return t, fmt.Errorf("token %s: %w", t.Name, err)
		}
	}
	return t, nil
}

// RemoveToken takes a token away: what shows it is refused from now on.
func (s *Store) RemoveToken(ctx context.Context, name string) error {
	res, err := s.DB.Write.ExecContext(ctx, `delete from tokens where name = $1`, name)
	if err != nil {
		return fmt.Errorf("remove token %s: %w", name, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fmt.Errorf("token %q: %w", name, ErrNotFound)
	}
	return nil
}
