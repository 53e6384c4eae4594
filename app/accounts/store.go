package accounts

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

const userColumns = `users.id, users.email, users.name, users.role, users.status, users.email_verified_at, users.session_epoch, users.created_at`

// person is a user with what only this package may see.
type person struct {
	User
	PasswordHash string
}

const userByID = `-- user by id
	select ` + userColumns + ` from users where users.id = $1`

// UserQ asks for one person as a part of a Read; nobody is fail.Missing.
func UserQ(dst *User, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "account", userByID, id)
}

// UserFindQ is UserQ for a person who may be gone, such as that of an old sign-in.
func UserFindQ(dst *User, found *bool, id uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, userByID, id)
}

func byEmailQ(dst *User, found *bool, email string) tenants.Query {
	return tenants.FindQ(dst, found, `-- user by email
		select `+userColumns+` from users where users.email = $1`, email)
}

const selectPerson = `select ` + userColumns + `, users.password_hash from users `

func personByEmailQ(dst *person, found *bool, email string) tenants.Query {
	return tenants.FindQ(dst, found, `-- person by email
		`+selectPerson+`where users.email = $1 and users.status <> 'closed'`, email)
}

func personByIDQ(dst *person, id uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "account", `-- person by id
		`+selectPerson+`where users.id = $1 and users.status <> 'closed'`, id)
}

// insertUser says false when the address has an account already.
func insertUser(ctx context.Context, tx tenants.Tx, p person) (User, bool, error) {
	return tenants.Find[User](ctx, tx, `-- insert user
		insert into users (id, email, name, password_hash, role, email_verified_at, created_at)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict on constraint users_email do nothing
		returning `+userColumns, p.ID, p.Email, p.Name, p.PasswordHash, string(p.Role), p.EmailVerifiedAt, tx.Now())
}

// activeID finds the account of an address that may still be used.
func activeID(ctx context.Context, tx tenants.Tx, email string) (uuid.UUID, bool, error) {
	return tenants.Find[uuid.UUID](ctx, tx, `-- active user id by email
		select id from users where email = $1 and status = 'active'`, email)
}

func lockUser(ctx context.Context, tx tenants.Tx, id uuid.UUID) (User, error) {
	return tenants.Get[User](ctx, tx, "account", `-- lock user
		select `+userColumns+` from users where users.id = $1 for update`, id)
}

func setName(ctx context.Context, tx tenants.Tx, id uuid.UUID, name string) (User, error) {
	return tenants.Get[User](ctx, tx, "account", `-- set name
		update users set name = $2 where id = $1 returning `+userColumns, id, name)
}

// setPassword also ends the person's sign-ins.
func setPassword(ctx context.Context, tx tenants.Tx, id uuid.UUID, hash string) (User, error) {
	return tenants.Get[User](ctx, tx, "account", `-- set password
		update users set password_hash = $2, session_epoch = session_epoch + 1 where id = $1 and status <> 'closed'
		returning `+userColumns, id, hash)
}

func setVerified(ctx context.Context, tx tenants.Tx, id uuid.UUID) (User, error) {
	return tenants.Get[User](ctx, tx, "account", `-- set verified
		update users set email_verified_at = coalesce(email_verified_at, $2) where id = $1 and status <> 'closed'
		returning `+userColumns, id, tx.Now())
}

func setStatus(ctx context.Context, tx tenants.Tx, id uuid.UUID, status Status) (User, error) {
	return tenants.Get[User](ctx, tx, "account", `-- set status
		update users set status = $2, session_epoch = session_epoch + case when $2 = 'active' then 0 else 1 end where id = $1
		returning `+userColumns, id, string(status))
}

func record(ctx context.Context, tx tenants.Tx, actor, action, subject string) error {
	_, err := tx.Exec(ctx, `-- record in the audit log
		insert into audit_log (at, actor, action, subject) values ($1, $2, $3, $4)`, tx.Now(), actor, action, subject)
	return err
}

// page is one page of a list, from the newest down.
type page struct {
	roles   []string
	pattern string // of like, empty for all
	before  *time.Time
	id      *uuid.UUID
	limit   int
}

func usersQ(dst *[]User, p page) tenants.Query {
	return tenants.ListQ(dst, `-- users
		select `+userColumns+` from users
		where users.role = any ($1::text[])
		  and ($2::text = '' or users.email like $2 or lower(users.name) like $2)
		  and ($3::timestamptz is null or (users.created_at, users.id) < ($3, $4::uuid))
		order by users.created_at desc, users.id desc
		limit $5`, p.roles, p.pattern, p.before, p.id, p.limit)
}

// Tokens of mailed links.

func insertToken(ctx context.Context, tx tenants.Tx, hash []byte, user uuid.UUID, purpose string, expires time.Time) error {
	_, err := tx.Exec(ctx, `-- insert token
		insert into user_tokens (hash, user_id, purpose, expires_at) values ($1, $2, $3, $4)`, hash, user, purpose, expires)
	return err
}

func endTokens(ctx context.Context, tx tenants.Tx, user uuid.UUID, purpose string) error {
	_, err := tx.Exec(ctx, `-- end tokens
		delete from user_tokens where user_id = $1 and purpose = $2`, user, purpose)
	return err
}

func clearTokens(ctx context.Context, tx tenants.Tx, user uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `-- clear tokens
		delete from user_tokens where user_id = $1 and expires_at <= $2`, user, now)
	return err
}

func tokenUserQ(dst *uuid.UUID, found *bool, hash []byte, purpose string, now time.Time) tenants.Query {
	return tenants.FindQ(dst, found, `-- user of a token
		select user_id from user_tokens where hash = $1 and purpose = $2 and used_at is null and expires_at > $3`, hash, purpose, now)
}

// lockTokenUser locks the person before the token, as the making of links does.
func lockTokenUser(ctx context.Context, tx tenants.Tx, hash []byte) (bool, error) {
	_, found, err := tenants.Find[uuid.UUID](ctx, tx, `-- lock the user of a token
		select users.id from users join user_tokens on user_tokens.user_id = users.id where user_tokens.hash = $1 for update of users`, hash)
	return found, err
}

func useToken(ctx context.Context, tx tenants.Tx, hash []byte, purpose string, now time.Time) (uuid.UUID, bool, error) {
	return tenants.Find[uuid.UUID](ctx, tx, `-- use token
		update user_tokens set used_at = $3 where hash = $1 and purpose = $2 and used_at is null and expires_at > $3
		returning user_id`, hash, purpose, now)
}

// API keys.

const keyColumns = `id, user_id, name, key, staff, scope, created_at, last_used_at, revoked_at`

func keysQ(dst *[]APIKey, user uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- keys of a user
		select `+keyColumns+` from api_keys where user_id = $1 and revoked_at is null order by created_at desc, id desc`, user)
}

func countKeys(ctx context.Context, tx tenants.Tx, user uuid.UUID) (int, error) {
	return tenants.Get[int](ctx, tx, "key", `-- count keys
		select count(*)::int from api_keys where user_id = $1 and revoked_at is null`, user)
}

func insertKey(ctx context.Context, tx tenants.Tx, k APIKey, secret []byte) (APIKey, error) {
	return tenants.Get[APIKey](ctx, tx, "key", `-- insert key
		insert into api_keys (user_id, name, key, secret_hash, staff, scope, created_at) values ($1, $2, $3, $4, $5, $6, $7)
		returning `+keyColumns, k.UserID, k.Name, k.Key, secret, k.Staff, string(k.Scope), tx.Now())
}

func revokeKey(ctx context.Context, tx tenants.Tx, user, id uuid.UUID) (APIKey, error) {
	return tenants.Get[APIKey](ctx, tx, "key", `-- revoke key
		update api_keys set revoked_at = $3 where id = $2 and user_id = $1 and revoked_at is null
		returning `+keyColumns, user, id, tx.Now())
}

// KeyQ asks, as a part of a Read, whom a key acts for. Whether the caller knows
// the key's secret is told by Credential.Check.
func KeyQ(dst *Credential, found *bool, key string) tenants.Query {
	return tenants.FindQ(dst, found, `-- credential by key
		select api_keys.id as key_id, api_keys.secret_hash, api_keys.last_used_at, api_keys.staff as key_staff, api_keys.scope, `+userColumns+`
		from api_keys join users on users.id = api_keys.user_id
		where api_keys.key = $1 and api_keys.revoked_at is null and users.status <> 'closed'`, wellFormedKey(key))
}

func touchKey(ctx context.Context, tx tenants.Tx, id uuid.UUID, before time.Time) error {
	_, err := tx.Exec(ctx, `-- touch key
		update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at <= $3)`, id, tx.Now(), before)
	return err
}

func taken() error {
	return fail.Fields{"email": "There is already an account with this e-mail address."}.Err()
}
