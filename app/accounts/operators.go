package accounts

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// CreateOperator adds a person of the provider. An empty password is made up;
// the one that counts is returned. Errors: Invalid with fields email, name,
// password.
func (s *Service) CreateOperator(ctx context.Context, email, name, password string) (Operator, string, error) {
	p, password, err := s.prepared(ctx, NewUser{Email: email, Name: name, Password: password})
	if err != nil {
		return Operator{}, "", err
	}
	var operator Operator
	err = s.db.Central(ctx, func(tx tenants.CentralTx) (err error) {
		operator, err = insertOperator(ctx, tx, Operator{Email: p.Email, Name: p.Name}, p.PasswordHash)
		return err
	})
	if tenants.IsUnique(err, "operators_email_key") {
		err = taken()
	}
	if err != nil {
		return Operator{}, "", err
	}
	return operator, password, nil
}

// SetOperatorPassword gives an operator a new password and ends the operator's
// sign-ins. An empty password is made up; the one that counts is returned.
func (s *Service) SetOperatorPassword(ctx context.Context, email, password string) (Operator, string, error) {
	p, password, err := s.prepared(ctx, NewUser{Email: email, Password: password})
	if err != nil {
		return Operator{}, "", err
	}
	var operator Operator
	err = s.db.Central(ctx, func(tx tenants.CentralTx) (err error) {
		operator, err = setOperatorPassword(ctx, tx, p.Email, p.PasswordHash)
		return err
	})
	return operator, password, err
}

// SignInOperator finds an operator by address and password. Errors: those of
// SignIn.
func (s *Service) SignInOperator(ctx context.Context, email, password, ip string) (Operator, error) {
	email = typed(email)
	if err := s.spend(ctx, s.limits.signIn, operatorDoor, email, ip); err != nil {
		return Operator{}, err
	}
	var row operatorRow
	var found bool
	if _, problem := NormalEmail(email); problem == "" {
		if err := s.db.CentralRead(ctx, operatorByEmailQ(&row, &found, email)); err != nil {
			return Operator{}, err
		}
	}
	ok, err := s.hashes.matches(ctx, password, row.PasswordHash)
	if err != nil {
		return Operator{}, err
	}
	if !ok || !found {
		return Operator{}, wrongSignIn()
	}
	return row.Operator, s.settle(ctx, s.limits.signIn, operatorDoor, email, ip)
}

// Operator finds one person of the provider. Errors: NotFound.
func (s *Service) Operator(ctx context.Context, id uuid.UUID) (Operator, error) {
	var operator Operator
	var found bool
	err := s.db.CentralRead(ctx, OperatorFindQ(&operator, &found, id))
	if err == nil && !found {
		err = fail.Missing("operator")
	}
	return operator, err
}

// Operators gives all people of the provider by address.
func (s *Service) Operators(ctx context.Context) ([]Operator, error) {
	var operators []Operator
	err := s.db.CentralRead(ctx, operatorsQ(&operators))
	return operators, err
}

// RemoveOperator takes a person of the provider away, whose sign-ins end with it.
// Errors: NotFound; Conflict for the last one, who would leave nobody.
func (s *Service) RemoveOperator(ctx context.Context, id uuid.UUID) (gone Operator, err error) {
	err = s.db.Central(ctx, func(tx tenants.CentralTx) error {
		left, err := lockOperators(ctx, tx)
		if err != nil {
			return err
		}
		if len(left) == 1 && left[0] == id {
			return fail.New(fail.Conflict, "This is the last operator. Create another one first.")
		}
		gone, err = deleteOperator(ctx, tx, id)
		return err
	})
	return gone, err
}
