package accounts

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// The doors that are not a shop's, for the counting of tries.
const (
	resellerDoor = "reseller"
	operatorDoor = "operator"
)

func wrongSignIn() error {
	return fail.Coded(fail.Unauthorised, "wrong_sign_in", "The e-mail address or the password is wrong.")
}

// SignIn finds the person of a shop by address and password. Errors:
// Unauthorised with one sentence for an unknown address, a wrong password and a
// closed account; Forbidden for a suspended account, once the password is
// right; TooMany after 8 failures for an address or 40 from one machine in a
// quarter of an hour.
func (s *Service) SignIn(ctx context.Context, t tenants.Tenant, email, password, ip string) (User, error) {
	email, door := typed(email), t.ID.String()
	if err := s.spend(ctx, s.limits.signIn, door, email, ip); err != nil {
		return User{}, err
	}
	user, ok, err := s.known(ctx, t, email, password)
	if err != nil {
		return User{}, err
	}
	if !ok {
		return User{}, wrongSignIn()
	}
	return admitted(user, s.settle(ctx, s.limits.signIn, door, email, ip))
}

// typed is the address as it counts: normal when it is an address at all, and
// otherwise whatever was typed, which nobody has.
func typed(email string) string {
	if normal, problem := NormalEmail(email); problem == "" {
		return normal
	}
	return strings.ToLower(email)
}

// known takes as long for an address that nobody has.
func (s *Service) known(ctx context.Context, t tenants.Tenant, email, password string) (User, bool, error) {
	var p person
	var found bool
	if _, problem := NormalEmail(email); problem == "" {
		if err := s.db.Read(ctx, t, personByEmailQ(&p, &found, email)); err != nil {
			return User{}, false, err
		}
	}
	ok, err := s.hashes.matches(ctx, password, p.PasswordHash)
	return p.User, ok && found, err
}

func admitted(u User, err error) (User, error) {
	if err == nil && u.Status != Active {
		err = fail.Coded(fail.Forbidden, "suspended", "This account is suspended. Please write to the shop's support.")
	}
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// SignInReseller finds an owner or a member of staff on the central host, where
// no shop is known yet: in the first of the shops that know the address whose
// password it is. Errors are those of SignIn.
func (s *Service) SignInReseller(ctx context.Context, email, password, ip string) (tenants.Tenant, User, error) {
	email = typed(email)
	if err := s.spend(ctx, s.limits.signIn, resellerDoor, email, ip); err != nil {
		return tenants.Tenant{}, User{}, err
	}
	t, user, ok, err := s.knownReseller(ctx, email, password)
	if err != nil {
		return tenants.Tenant{}, User{}, err
	}
	if !ok {
		return tenants.Tenant{}, User{}, wrongSignIn()
	}
	user, err = admitted(user, s.settle(ctx, s.limits.signIn, resellerDoor, email, ip))
	return t, user, err
}

func (s *Service) knownReseller(ctx context.Context, email, password string) (tenants.Tenant, User, bool, error) {
	var shops []uuid.UUID
	if _, problem := NormalEmail(email); problem == "" {
		if err := s.db.CentralRead(ctx, loginsQ(&shops, email)); err != nil {
			return tenants.Tenant{}, User{}, false, err
		}
	}
	slices.SortStableFunc(shops, func(a, b uuid.UUID) int { return cmp.Compare(s.ended(a), s.ended(b)) })
	tried := false
	for _, id := range shops {
		t, ok := s.db.Registry().ByID(id)
		if !ok || t.Gone() { // of a closed shop the people still pay, and take their data along
			continue
		}
		tried = true
		user, ok, err := s.known(ctx, t, email, password)
		if err != nil || ok && user.Runs() {
			return t, user, ok, err
		}
	}
	if tried {
		return tenants.Tenant{}, User{}, false, nil
	}
	_, err := s.hashes.matches(ctx, password, "")
	return tenants.Tenant{}, User{}, false, err
}

// ended puts closed shops behind those in which there is something to do.
func (s *Service) ended(shop uuid.UUID) int {
	if t, ok := s.db.Registry().ByID(shop); ok && t.Status == tenants.Closed {
		return 1
	}
	return 0
}
