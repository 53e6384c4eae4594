package tenants

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// SessionStore keeps sign-in sessions in the central schema over two connections
// of its own, whose role sees nothing else. Tokens arrive hashed. It has the
// methods that the session manager asks of a store.
type SessionStore struct {
	pool *pgxpool.Pool
	wall func() time.Time
}

func (db *DB) openSessions(ctx context.Context) (err error) {
	url := cmp.Or(db.cfg.SessionURL, db.cfg.AppURL, db.cfg.AdminURL)
	db.sessions.pool, err = db.pool(ctx, url, db.settingsFor(db.cfg.SessionURL, "ezscale_sessions", "central, pg_temp"), 2)
	return err
}

// FindCtx gives a session's data; an unknown or expired one is not found.
func (s *SessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	const sql = `-- find session
		select data from central.sessions where token = $1 and expiry > $2`
	err = s.pool.QueryRow(ctx, sql, token, s.wall()).Scan(&data)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, fault(ctx, sql, err)
}

// CommitCtx writes a session, new or known.
func (s *SessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	const sql = `-- commit session
		insert into central.sessions (token, data, expiry) values ($1, $2, $3)
		on conflict (token) do update set data = excluded.data, expiry = excluded.expiry`
	_, err := s.pool.Exec(ctx, sql, token, data, expiry)
	return fault(ctx, sql, err)
}

// DeleteCtx ends a session; an unknown one is no error.
func (s *SessionStore) DeleteCtx(ctx context.Context, token string) error {
	const sql = `-- delete session
		delete from central.sessions where token = $1`
	_, err := s.pool.Exec(ctx, sql, token)
	return fault(ctx, sql, err)
}

// Sweep removes up to 1,000 expired sessions and says how many there were. A
// caller repeats it now and then.
func (s *SessionStore) Sweep(ctx context.Context) (int64, error) {
	const sql = `-- sweep sessions
		delete from central.sessions
		where token in (select token from central.sessions where expiry <= $1 limit 1000)`
	tag, err := s.pool.Exec(ctx, sql, s.wall())
	return tag.RowsAffected(), fault(ctx, sql, err)
}

// Find is FindCtx without a context.
func (s *SessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *SessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s *SessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
