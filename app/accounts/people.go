package accounts

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// ByID finds one person of the shop; anybody else is NotFound.
func (s *Service) ByID(ctx context.Context, t tenants.Tenant, id uuid.UUID) (User, error) {
	var user User
	err := s.db.Read(ctx, t, UserQ(&user, id))
	return user, err
}

// ByEmail finds one person of the shop by address. Errors: NotFound.
func (s *Service) ByEmail(ctx context.Context, t tenants.Tenant, email string) (User, error) {
	var user User
	var found bool
	normal, problem := NormalEmail(email)
	if problem != "" {
		return User{}, fail.Missing("account")
	}
	err := s.db.Read(ctx, t, byEmailQ(&user, &found, normal))
	if err == nil && !found {
		err = fail.Missing("account")
	}
	return user, err
}

// ChangeName renames a person. Errors: Invalid with the field name.
func (s *Service) ChangeName(ctx context.Context, t tenants.Tenant, id uuid.UUID, name string) (User, error) {
	if err := checked(&name, nil, nil); err != nil {
		return User{}, err
	}
	var user User
	err := s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		user, err = setName(ctx, tx, id, name)
		return err
	})
	return user, err
}

// ChangePassword sets a new password for somebody who knows the old one, and
// ends all sign-ins: the one at hand goes on with the SessionEpoch of the User
// returned. Errors: Invalid with fields current_password, password; TooMany as
// for SignIn.
func (s *Service) ChangePassword(ctx context.Context, t tenants.Tenant, id uuid.UUID, current, next, ip string) (User, error) {
	var p person
	if err := s.db.Read(ctx, t, personByIDQ(&p, id)); err != nil {
		return User{}, err
	}
	if problem := passwordProblem(next, p.Email); problem != "" {
		return User{}, fail.Fields{"password": problem}.Err()
	}
	door := t.ID.String()
	if err := s.spend(ctx, s.limits.signIn, door, p.Email, ip); err != nil {
		return User{}, err
	}
	ok, err := s.hashes.matches(ctx, current, p.PasswordHash)
	if err != nil {
		return User{}, err
	}
	if !ok {
		return User{}, fail.Fields{"current_password": "This is not your password."}.Err()
	}
	hash, err := s.hashes.hash(ctx, next)
	if err != nil {
		return User{}, err
	}
	var user User
	err = s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		if user, err = setPassword(ctx, tx, id, hash); err != nil {
			return err
		}
		if err = endTokens(ctx, tx, id, PurposeReset); err != nil {
			return err
		}
		return record(ctx, tx, "user:"+id.String(), "user.change_password", id.String())
	})
	if err != nil {
		return User{}, err
	}
	return user, s.settle(ctx, s.limits.signIn, door, p.Email, ip)
}

// SetStatus suspends, closes or readmits a person; all but readmitting end the
// person's sign-ins. Errors: Conflict for the owner, NotFound.
func (s *Service) SetStatus(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, status Status) (User, error) {
	var user User
	err := s.db.In(ctx, t, func(tx tenants.Tx) error {
		before, err := lockUser(ctx, tx, id)
		if err != nil {
			return err
		}
		if before.Role == Owner && status != Active {
			return fail.New(fail.Conflict, "The owner of a shop cannot be suspended or closed.")
		}
		if user = before; before.Status == status {
			return nil
		}
		if user, err = setStatus(ctx, tx, id, status); err != nil {
			return err
		}
		return record(ctx, tx, actor, "user."+string(status), id.String())
	})
	if err != nil || !user.Runs() {
		return user, err
	}
	if status == Active {
		return user, s.LinkReseller(ctx, t, user)
	}
	return user, s.db.Central(ctx, func(tx tenants.CentralTx) error {
		return deleteLogin(ctx, tx, user.Email, t.ID)
	})
}

// Search is what a list of people shows. Text is looked for in addresses and
// names; Cursor is the Next of the page before.
type Search struct {
	Text   string
	Roles  []Role // customers only, when empty
	Cursor string
	Limit  int // 1 to 200; 50 when it is not
}

// People is one page of a list, the newest first. Next is empty on the last page.
type People struct {
	Users []User
	Next  string
}

// List gives one page of the shop's people, in one statement whatever its size.
// Errors: BadRequest for a cursor that no list gave.
func (s *Service) List(ctx context.Context, t tenants.Tenant, search Search) (People, error) {
	p, err := search.page()
	if err != nil {
		return People{}, err
	}
	var users []User
	wanted := p.limit
	p.limit++
	if err := s.db.Read(ctx, t, usersQ(&users, p)); err != nil {
		return People{}, err
	}
	if len(users) <= wanted {
		return People{Users: users}, nil
	}
	return People{users[:wanted], cursorOf(users[wanted-1])}, nil
}

func (s Search) page() (page, error) {
	p := page{limit: s.Limit, roles: []string{string(Customer)}}
	if p.limit < 1 || p.limit > 200 {
		p.limit = 50
	}
	if len(s.Roles) > 0 {
		p.roles = nil
		for _, r := range s.Roles {
			p.roles = append(p.roles, string(r))
		}
	}
	if text := strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(strings.ToLower(s.Text)), "\x00", ""), ""); text != "" {
		p.pattern = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
	}
	if s.Cursor == "" {
		return p, nil
	}
	at, id, ok := readCursor(s.Cursor)
	if !ok {
		return page{}, fail.New(fail.BadRequest, "This page of the list is not known. Start from the first one.")
	}
	p.before, p.id = &at, &id
	return p, nil
}

func cursorOf(u User) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(u.CreatedAt.UnixMicro(), 10) + "." + u.ID.String()))
}

func readCursor(s string) (at time.Time, id uuid.UUID, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return at, id, false
	}
	micros, text, _ := strings.Cut(string(raw), ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || n < 0 || n > 1<<53 {
		return at, id, false
	}
	id, err = uuid.Parse(text)
	return time.UnixMicro(n).UTC(), id, err == nil
}
