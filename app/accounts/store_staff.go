package accounts

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// TeamQ lists who runs the shop: the owners first, then by how long they have been there.
func TeamQ(dst *[]User) tenants.Query {
	return tenants.ListQ(dst, `-- team
		select `+userColumns+` from users where users.role in ('owner', 'staff') and users.status <> 'closed'
		order by users.role = 'owner' desc, users.created_at, users.id limit 500`)
}

// lockOwners locks the owners who have ever signed in, always in one order.
func lockOwners(ctx context.Context, tx tenants.Tx) ([]User, error) {
	return tenants.List[User](ctx, tx, `-- lock owners
		select `+userColumns+` from users where users.role = 'owner' and users.status = 'active' and users.email_verified_at is not null
		order by users.created_at, users.id for update`)
}

func setRole(ctx context.Context, tx tenants.Tx, id uuid.UUID, role Role) (User, error) {
	return tenants.Get[User](ctx, tx, "account", `-- set role
		update users set role = $2, session_epoch = session_epoch + 1 where id = $1 returning `+userColumns, id, string(role))
}

// beginAnew gives an account to somebody who proves the address from here on: no
// password, no sign-in and no key from before is left.
func beginAnew(ctx context.Context, tx tenants.Tx, id uuid.UUID, name string, role Role) (User, error) {
	if err := revokeKeys(ctx, tx, id); err != nil {
		return User{}, err
	}
	return tenants.Get[User](ctx, tx, "account", `-- begin anew
		update users set name = $2, role = $3, status = 'active', password_hash = '', email_verified_at = null, session_epoch = session_epoch + 1
		where id = $1 returning `+userColumns, id, name, string(role))
}

func revokeKeys(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- revoke keys
		update api_keys set revoked_at = $2 where user_id = $1 and revoked_at is null`, user, tx.Now())
	return err
}

func revokeStaffKey(ctx context.Context, tx tenants.Tx, id uuid.UUID) (APIKey, error) {
	return tenants.Get[APIKey](ctx, tx, "key", `-- revoke a key of staff
		update api_keys set revoked_at = $2 where id = $1 and staff and revoked_at is null
		returning `+keyColumns, id, tx.Now())
}

// StaffKey is a key of one of the shop's people.
type StaffKey struct {
	APIKey
	Person string // the name
}

// StaffKeysQ lists the keys of the shop's people that still work, the newest first;
// with a person only theirs.
func StaffKeysQ(dst *[]StaffKey, of *uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- keys of staff
		select k.id, k.user_id, k.name, k.key, k.staff, k.scope, k.created_at, k.last_used_at, k.revoked_at, users.name as person
		from api_keys k join users on users.id = k.user_id
		where k.staff and k.revoked_at is null and ($1::uuid is null or k.user_id = $1)
		order by k.created_at desc, k.id desc limit 500`, of)
}

func dismiss(ctx context.Context, tx tenants.Tx, id uuid.UUID) (User, error) {
	if err := revokeKeys(ctx, tx, id); err != nil {
		return User{}, err
	}
	return tenants.Get[User](ctx, tx, "account", `-- dismiss
		update users set role = 'customer', session_epoch = session_epoch + 1,
			status = case when email_verified_at is null then 'closed' else status end
		where id = $1 returning `+userColumns, id)
}

func recordDetail(ctx context.Context, tx tenants.Tx, actor, action, subject string, detail map[string]string) error {
	_, err := tx.Exec(ctx, `-- record in the audit log, with detail
		insert into audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5)`, tx.Now(), actor, action, subject, detail)
	return err
}

func setOwner(ctx context.Context, tx tenants.CentralTx, tenant uuid.UUID, before string, heir User) error {
	if _, err := tx.Exec(ctx, `-- set the owner
		update central.tenants set owner_email = $3, owner_name = $4 where id = $1 and lower(owner_email) = lower($2)`, tenant, before, heir.Email, heir.Name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- audit the owner
		insert into central.audit_log (at, actor, tenant_id, action, subject, detail)
		values ($1, 'reseller', $2, 'tenant.owner', $3, jsonb_build_object('before', $4::text))`, tx.Now(), tenant, heir.Email, before)
	return err
}
