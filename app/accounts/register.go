package accounts

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Registration is what a visitor fills in to become a customer.
type Registration struct{ Name, Email, Password string }

// Register opens a customer's account and has the address confirmed by mail
// (user.registered). An address that has an account already is not given away:
// nothing changes, its owner gets a mail (user.register_repeated), and the
// answer is a User without an ID and no error, so that the page can say the same
// in both cases. Errors: Invalid with fields name, email, password; TooMany.
func (s *Service) Register(ctx context.Context, t tenants.Tenant, r Registration, ip string) (User, error) {
	if err := checked(&r.Name, &r.Email, &r.Password); err != nil {
		return User{}, err
	}
	if err := s.spend(ctx, s.limits.register, t.ID.String(), r.Email, ip); err != nil {
		return User{}, err
	}
	hash, err := s.hashes.hash(ctx, r.Password)
	if err != nil {
		return User{}, err
	}
	var user User
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		made, ok, err := insertUser(ctx, tx, person{User{ID: uuid.New(), Email: r.Email, Name: r.Name, Role: Customer}, hash})
		if err != nil {
			return err
		}
		if ok {
			user = made
			if err := announce(ctx, tx, eventCustomer, made.ID); err != nil {
				return err
			}
			return announce(ctx, tx, "user.registered", made.ID)
		}
		id, active, err := activeID(ctx, tx, r.Email)
		if err != nil || !active {
			return err
		}
		return announce(ctx, tx, "user.register_repeated", id)
	})
	return user, err
}

// eventCustomer says that the shop has a customer more.
const eventCustomer = "customer.created"

// announce appends an event about a person. Secrets never travel in events: the
// receiver makes the link that a mail carries.
func announce(ctx context.Context, tx tenants.Tx, name string, user uuid.UUID) error {
	return bus.Append(ctx, tx, name, map[string]string{"user_id": user.String()})
}

// ResendVerification sends the confirmation mail again
// (user.verification_requested). Errors: Conflict when the address is confirmed,
// TooMany.
func (s *Service) ResendVerification(ctx context.Context, t tenants.Tenant, id uuid.UUID, ip string) error {
	var user User
	if err := s.db.Read(ctx, t, UserQ(&user, id)); err != nil {
		return err
	}
	if user.Verified() {
		return fail.New(fail.Conflict, "Your e-mail address is confirmed already.")
	}
	if err := s.spend(ctx, s.limits.resend, t.ID.String(), user.Email, ip); err != nil {
		return err
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		return announce(ctx, tx, "user.verification_requested", id)
	})
}

// NewUser is a person whom staff, the command line or an import adds.
type NewUser struct {
	Email    string
	Name     string // the address up to the @ when empty
	Role     Role   // Customer when empty
	Password string // made up when empty, unless Invite
	Invite   bool   // no password: a mail lets the person choose one (user.invited)
	Actor    string // who does it, for the audit log
}

// Create adds a person whose address is taken as confirmed, unless invited by
// mail, which confirms it. password is the one to tell the person; empty when
// invited. Owners and staff can sign in on the central host from then on.
// Errors: Invalid with fields email, name, password.
func (s *Service) Create(ctx context.Context, t tenants.Tenant, n NewUser) (user User, password string, err error) {
	p, password, err := s.prepared(ctx, n)
	if err != nil {
		return User{}, "", err
	}
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		if !n.Invite {
			now := tx.Now()
			p.EmailVerifiedAt = &now
		}
		made, ok, err := insertUser(ctx, tx, p)
		if err != nil {
			return err
		}
		if !ok {
			return taken()
		}
		user = made
		if n.Invite {
			if err := announce(ctx, tx, "user.invited", user.ID); err != nil {
				return err
			}
		}
		if user.Role == Customer {
			if err := announce(ctx, tx, eventCustomer, user.ID); err != nil {
				return err
			}
		}
		return record(ctx, tx, n.Actor, "user.create", user.ID.String())
	})
	if err == nil && user.Runs() {
		err = s.LinkReseller(ctx, t, user)
	}
	return user, password, err
}

// prepared checks a new person and hashes the password outside any transaction.
func (s *Service) prepared(ctx context.Context, n NewUser) (p person, password string, err error) {
	if n.Role == "" {
		n.Role = Customer
	}
	if n.Name == "" {
		n.Name, _, _ = strings.Cut(strings.TrimSpace(n.Email), "@")
	}
	check := &n.Password
	if n.Password == "" && !n.Invite {
		n.Password = newPassword()
	}
	if n.Invite {
		check = nil
	}
	if err := checked(&n.Name, &n.Email, check); err != nil {
		return person{}, "", err
	}
	p = person{User: User{ID: uuid.New(), Email: n.Email, Name: n.Name, Role: n.Role}}
	if n.Invite {
		return p, "", nil
	}
	p.PasswordHash, err = s.hashes.hash(ctx, n.Password)
	return p, n.Password, err
}

// Founder adds the owner of a new shop, in the transaction that creates the
// shop, and announces it (tenant.created): the welcome mail lets the owner
// choose a password.
func (s *Service) Founder(email, name string) tenants.Inside {
	return func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
		p, _, err := s.prepared(ctx, NewUser{Email: email, Name: name, Role: Owner, Invite: true})
		if err != nil {
			return uuid.Nil, err
		}
		owner, made, err := insertUser(ctx, tx, p)
		if err != nil {
			return uuid.Nil, err
		}
		if !made {
			return uuid.Nil, taken()
		}
		return owner.ID, announce(ctx, tx, "tenant.created", owner.ID)
	}
}

// LinkReseller lets an owner or a member of staff sign in on the central host.
// Doing it again changes nothing.
func (s *Service) LinkReseller(ctx context.Context, t tenants.Tenant, u User) error {
	return s.db.Central(ctx, func(tx tenants.CentralTx) error {
		return insertLogin(ctx, tx, u.Email, t.ID, u.ID)
	})
}
