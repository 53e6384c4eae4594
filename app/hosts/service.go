package hosts

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// Ensure writes a host of the configuration into the provider's tables and returns
// its id, which is the same at every start. Zone, capacity, options and state stay
// as the operator set them. Errors: Invalid.
func (s *Service) Ensure(ctx context.Context, e Entry) (id uuid.UUID, err error) {
	e = e.tidy()
	if text := wrongURL(e.Kind, e.URL); text != "" {
		return uuid.Nil, fail.New(fail.Invalid, "The address of the desktop host %s: %s", e.Name, text)
	}
	err = s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if id, err = ensure(ctx, tx, e, s.Key.Seal([]byte(e.Secret), secretContext())); err != nil {
			return err
		}
		return announce(ctx, tx)
	})
	s.forget()
	return id, err
}

// Add puts a host into use: it takes desktops at once. Errors: Invalid, with the
// fields name, driver, url, api_key, api_key_secret, auth, zone, capacity, image_tag.
func (s *Service) Add(ctx context.Context, e Entry, operator string) (h Host, err error) {
	e = e.tidy()
	if err := e.check(s.Makers, true); err != nil {
		return h, err
	}
	var id uuid.UUID
	err = s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		id, err = insert(ctx, tx, e, s.Key.Seal([]byte(e.Secret), secretContext()))
		if err != nil {
			return err
		}
		if err := announce(ctx, tx); err != nil {
			return err
		}
		return record(ctx, tx, operator, "host.added", e.Name, map[string]any{"id": id, "driver": e.Kind, "url": e.URL, "zone": e.Zone, "capacity": e.Capacity})
	})
	if tenants.IsUnique(err, "kasm_servers_name_key") {
		return h, fail.Fields{"name": "There is a host of this name already."}.Err()
	}
	if err != nil {
		return h, err
	}
	s.forget()
	return s.Get(ctx, id)
}

// Edit changes a host's address, key, zone, capacity and options; name and kind
// stay. An empty secret keeps the one that is there. Errors: NotFound, Conflict for a
// retired host, Invalid with fields.
func (s *Service) Edit(ctx context.Context, id uuid.UUID, e Entry, operator string) (Host, error) {
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		old, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if old.Status == Retired {
			return fail.New(fail.Conflict, "%s is retired. Let it take desktops again before you change it.", old.Name)
		}
		e.Name, e.Kind = old.Name, old.Kind
		e = e.tidy()
		e.Options.ShmMB = old.Options.ShmMB
		if err := e.check(s.Makers, len(old.Secret) == 0); err != nil {
			return err
		}
		fields := e.changed(old.Host)
		if len(fields) == 0 {
			return nil
		}
		secret := old.Secret
		if e.Secret != "" {
			secret = s.Key.Seal([]byte(e.Secret), secretContext())
		}
		if err := update(ctx, tx, id, e, secret); err != nil {
			return err
		}
		if err := announce(ctx, tx); err != nil {
			return err
		}
		return record(ctx, tx, operator, "host.changed", old.Name, map[string]any{"id": id, "fields": fields, "url": e.URL, "zone": e.Zone, "capacity": e.Capacity})
	})
	if err != nil {
		return Host{}, err
	}
	s.forget()
	return s.Get(ctx, id)
}

// Drain lets a host keep what it has and take nothing new. Errors: NotFound,
// Conflict for a retired host.
func (s *Service) Drain(ctx context.Context, id uuid.UUID, operator string) (Host, error) {
	return s.become(ctx, id, Draining, "host.draining", operator, func(h Host) error {
		if h.Status == Retired {
			return fail.New(fail.Conflict, "%s is retired and has nothing to drain.", h.Name)
		}
		return nil
	})
}

// Activate lets a host take new desktops, one that was retired too. Errors: NotFound.
func (s *Service) Activate(ctx context.Context, id uuid.UUID, operator string) (Host, error) {
	return s.become(ctx, id, Active, "host.activated", operator, func(Host) error { return nil })
}

// Retire takes a host out of use: it is not asked any more. Errors: NotFound,
// Conflict while it takes new desktops, or has any left.
func (s *Service) Retire(ctx context.Context, id uuid.UUID, operator string) (Host, error) {
	h, err := s.Get(ctx, id)
	if err != nil {
		return h, err
	}
	if h.Status == Active {
		return h, fail.New(fail.Conflict, "%s still takes new desktops. Drain it first.", h.Name)
	}
	if h.Status == Draining {
		if err := s.empty(ctx, h); err != nil {
			return h, err
		}
	}
	return s.become(ctx, id, Retired, "host.retired", operator, func(h Host) error {
		if h.Status == Active {
			return fail.New(fail.Conflict, "%s takes new desktops again. Drain it first.", h.Name)
		}
		return nil
	})
}

func (s *Service) become(ctx context.Context, id uuid.UUID, status, action, operator string, may func(Host) error) (Host, error) {
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		r, err := lock(ctx, tx, id)
		if err == nil {
			err = may(r.Host)
		}
		if err != nil || r.Status == status {
			return err
		}
		if err := setStatus(ctx, tx, id, status); err != nil {
			return err
		}
		if err := announce(ctx, tx); err != nil {
			return err
		}
		return record(ctx, tx, operator, action, r.Name, map[string]any{"id": id, "was": r.Status})
	})
	if err != nil {
		return Host{}, err
	}
	s.forget()
	return s.Get(ctx, id)
}

// answersWithin is how long a page waits for a host that it asks something.
const answersWithin = 4 * time.Second

// empty refuses a host that still has desktops: those of our books, stopped ones
// with their customers' files included, and those that the host itself tells of.
func (s *Service) empty(ctx context.Context, h Host) error {
	counts, whole, err := s.Desktops(ctx)
	if err != nil {
		return err
	}
	if !whole {
		return fail.New(fail.Unavailable, "Not every shop could be asked whether it has desktops on %s. Please try again.", h.Name)
	}
	n := counts[h.ID]
	if n == 0 {
		n = s.listed(ctx, h)
	}
	switch n {
	case 0:
		return nil
	case 1:
		return fail.New(fail.Conflict, "%s still has one desktop. It can be retired when its customer has destroyed it, or you have.", h.Name)
	}
	return fail.New(fail.Conflict, "%s still has %d desktops. It can be retired when their customers have destroyed them, or you have.", h.Name, n)
}

// listed counts the desktops of our customers that a host itself tells of; 0 when it
// does not answer, because a host that is gone for good must be retirable.
func (s *Service) listed(ctx context.Context, h Host) (n int) {
	_, driver, err := s.driverOf(ctx, h.ID)
	if err != nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	l, err := driver.List(ctx)
	if err != nil {
		return 0
	}
	for _, d := range l.Desktops {
		if strings.HasPrefix(strings.ToLower(d.Username), "ez.") && d.State != workspaces.HostDeleting {
			n++
		}
	}
	return n
}

// Desktops counts what each host has by the books of the shops: desktops that may
// run and stopped ones that hold their customers' files. whole is false when not
// every shop answered in time.
func (s *Service) Desktops(ctx context.Context) (counts map[uuid.UUID]int, whole bool, err error) {
	counts = map[uuid.UUID]int{}
	whole, err = eachShop(ctx, s.DB, presentQ, func(_ tenants.Tenant, h held) { counts[h.Host] += h.Desktops })
	return counts, whole, err
}

// eachShop reads rows of every shop, and gives them on one at a time.
func eachShop[T any](ctx context.Context, db *tenants.DB, query func(*[]T) tenants.Query, take func(tenants.Tenant, T)) (whole bool, err error) {
	asked, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	found := make(chan func())
	done := make(chan error, 1)
	go func() {
		defer close(found)
		done <- db.Each(asked, func(ctx context.Context, t tenants.Tenant) error {
			var rows []T
			if err := db.Read(ctx, t, query(&rows)); err != nil {
				return err
			}
			found <- func() {
				for _, r := range rows {
					take(t, r)
				}
			}
			return nil
		})
	}()
	for each := range found {
		each()
	}
	return <-done == nil, ctx.Err()
}

// Room asks a host what there is room for; unknown when it does not tell soon.
func (s *Service) Room(ctx context.Context, h Host) workspaces.Room {
	_, driver, err := s.driverOf(ctx, h.ID)
	if err != nil {
		return workspaces.Room{}
	}
	ctx, cancel := context.WithTimeout(ctx, answersWithin/2)
	defer cancel()
	room, err := driver.Room(ctx)
	if err != nil {
		return workspaces.Room{}
	}
	return room
}
