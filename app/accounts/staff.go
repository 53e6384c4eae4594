package accounts

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Invitation asks somebody to help to run the shop.
type Invitation struct {
	Email string
	Name  string // the address up to the @ when empty
	Role  Role   // Owner or Staff
	Actor string
	IP    string // of who asks
}

func checkStaffRole(r Role) error {
	if r != Owner && r != Staff {
		return fail.Fields{"role": "Choose owner or staff."}.Err()
	}
	return nil
}

// Invite makes somebody an owner or a member of staff. A person whom the shop does
// not know, or who never confirmed the address, chooses a password by mail
// (user.invited): nothing that was set up under an address that nobody has proved
// lives on. A customer with a confirmed address keeps the account and is told
// (user.made_staff). Errors: Invalid with the fields email, name, role; Conflict for a
// suspended account; TooMany.
func (s *Service) Invite(ctx context.Context, t tenants.Tenant, n Invitation) (User, error) {
	if err := checkStaffRole(n.Role); err != nil {
		return User{}, err
	}
	if n.Name = strings.TrimSpace(n.Name); n.Name == "" {
		n.Name, _, _ = strings.Cut(strings.TrimSpace(n.Email), "@")
	}
	if err := checked(&n.Name, &n.Email, nil); err != nil {
		return User{}, err
	}
	if err := s.spend(ctx, s.limits.invite, t.ID.String(), n.Email, n.IP); err != nil {
		return User{}, err
	}
	var known User
	var found bool
	if err := s.db.Read(ctx, t, byEmailQ(&known, &found, n.Email)); err != nil {
		return User{}, err
	}
	if !found {
		known = User{ID: uuid.New(), Email: n.Email}
	}
	if err := invitable(known); err != nil {
		return User{}, err
	}
	// The sign-in comes first: without the role it opens nothing, while a role without
	// it could not be used on the central host.
	if err := s.LinkReseller(ctx, t, known); err != nil {
		return User{}, err
	}
	var user User
	err := s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		if user, err = s.join(ctx, tx, known.ID, found, n); err != nil {
			return err
		}
		return recordDetail(ctx, tx, n.Actor, "staff.invited", user.ID.String(), map[string]string{"email": user.Email, "role": string(user.Role)})
	})
	return user, err
}

func invitable(u User) error {
	switch {
	case u.Runs() && u.Status != Closed:
		return fail.Fields{"email": "This person helps to run the shop already."}.Err()
	case u.Status == Suspended:
		return fail.New(fail.Conflict, "This account is suspended. Readmit it first.")
	}
	return nil
}

func (s *Service) join(ctx context.Context, tx tenants.Tx, id uuid.UUID, known bool, n Invitation) (User, error) {
	if !known {
		made, ok, err := insertUser(ctx, tx, person{User: User{ID: id, Email: n.Email, Name: n.Name, Role: n.Role}})
		if err != nil {
			return User{}, err
		}
		if !ok {
			return User{}, fail.New(fail.Conflict, "Somebody signed up with this address a moment ago. Please try again.")
		}
		return made, announce(ctx, tx, "user.invited", made.ID)
	}
	before, err := lockUser(ctx, tx, id)
	if err == nil {
		err = invitable(before)
	}
	if err != nil {
		return User{}, err
	}
	if before.Verified() && before.Status == Active {
		user, err := setRole(ctx, tx, id, n.Role)
		if err != nil {
			return User{}, err
		}
		return user, announce(ctx, tx, "user.made_staff", id)
	}
	if err := endTokens(ctx, tx, id, PurposeReset); err != nil {
		return User{}, err
	}
	user, err := beginAnew(ctx, tx, id, n.Name, n.Role)
	if err != nil {
		return User{}, err
	}
	return user, announce(ctx, tx, "user.invited", id)
}

// InviteAgain sends the invitation of somebody who has not followed it once more.
// Errors: NotFound, Conflict for who has, TooMany.
func (s *Service) InviteAgain(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, ip string) (User, error) {
	user, err := s.ByID(ctx, t, id)
	if err != nil {
		return User{}, err
	}
	if !user.Runs() {
		return User{}, fail.Missing("person")
	}
	if user.Verified() {
		return User{}, fail.New(fail.Conflict, "This person has followed the invitation already.")
	}
	if err := s.spend(ctx, s.limits.invite, t.ID.String(), user.Email, ip); err != nil {
		return User{}, err
	}
	if err := s.LinkReseller(ctx, t, user); err != nil {
		return User{}, err
	}
	return user, s.db.In(ctx, t, func(tx tenants.Tx) error {
		if err := announce(ctx, tx, "user.invited", id); err != nil {
			return err
		}
		return record(ctx, tx, actor, "staff.invited_again", id.String())
	})
}

// errLastOwner keeps a shop from being nobody's.
var errLastOwner = fail.Coded(fail.Conflict, "last_owner", "This is the shop's last owner. Make somebody else an owner first, and let them sign in once.")

// SetRole makes an owner of a member of staff, or the other way round, and ends their
// sign-ins. Errors:
// Invalid with the field role, NotFound, Conflict for the last owner who has ever
// signed in.
func (s *Service) SetRole(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, role Role) (User, error) {
	if err := checkStaffRole(role); err != nil {
		return User{}, err
	}
	var user, heir User
	err := s.db.In(ctx, t, func(tx tenants.Tx) error {
		before, next, err := teamMember(ctx, tx, id, role)
		if err != nil {
			return err
		}
		if user, heir = before, next; before.Role == role {
			return nil
		}
		if user, err = setRole(ctx, tx, id, role); err != nil {
			return err
		}
		return recordDetail(ctx, tx, actor, "staff.role", id.String(), map[string]string{"email": user.Email, "role": string(role)})
	})
	if err != nil {
		return User{}, err
	}
	if err := s.LinkReseller(ctx, t, user); err != nil {
		return User{}, err
	}
	return user, s.handOver(ctx, t, user, heir)
}

// RemoveStaff takes the shop out of somebody's hands, and ends the sign-ins and the
// keys. The person stays as a customer; one who never followed the invitation is closed.
// Errors: NotFound, Conflict for the last owner who has ever signed in.
func (s *Service) RemoveStaff(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID) (User, error) {
	var user, heir User
	err := s.db.In(ctx, t, func(tx tenants.Tx) error {
		before, next, err := teamMember(ctx, tx, id, Customer)
		if err != nil {
			return err
		}
		heir = next
		if user, err = dismiss(ctx, tx, id); err != nil {
			return err
		}
		if err := endTokens(ctx, tx, id, PurposeReset); err != nil {
			return err
		}
		return recordDetail(ctx, tx, actor, "staff.removed", id.String(), map[string]string{"email": before.Email, "role": string(before.Role)})
	})
	if err != nil {
		return User{}, err
	}
	if err := s.db.Central(ctx, func(tx tenants.CentralTx) error { return deleteLogin(ctx, tx, user.Email, t.ID) }); err != nil {
		return User{}, err
	}
	return user, s.handOver(ctx, t, user, heir)
}

// teamMember locks the shop's owners and one of its people, who is about to have
// another role. heir is the oldest owner who stays; the shop must keep one.
func teamMember(ctx context.Context, tx tenants.Tx, id uuid.UUID, role Role) (member, heir User, err error) {
	owners, err := lockOwners(ctx, tx)
	if err != nil {
		return member, heir, err
	}
	if member, err = lockUser(ctx, tx, id); err != nil {
		return member, heir, err
	}
	if !member.Runs() {
		return member, heir, fail.Missing("person")
	}
	for _, owner := range owners {
		if heir.ID == uuid.Nil && (owner.ID != id || role == Owner) {
			heir = owner
		}
	}
	if member.Role == Owner && role != Owner && heir.ID == uuid.Nil {
		return member, heir, errLastOwner
	}
	return member, heir, nil
}

// handOver makes heir the owner whom the provider writes to, where that was somebody
// who owns the shop no more.
func (s *Service) handOver(ctx context.Context, t tenants.Tenant, before, heir User) error {
	if before.Role == Owner || heir.ID == uuid.Nil || !strings.EqualFold(before.Email, t.OwnerEmail) {
		return nil
	}
	err := s.db.Central(ctx, func(tx tenants.CentralTx) error {
		return setOwner(ctx, tx, t.ID, before.Email, heir)
	})
	if err != nil {
		return err
	}
	return s.db.Registry().Refresh(ctx)
}
