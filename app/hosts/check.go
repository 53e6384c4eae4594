package hosts

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// testWithin is how long the test of a host may take.
const testWithin = 12 * time.Second

// Test connects to a host, looks whether it gives all that the product needs, and
// writes down what it found. Nothing is changed on the host. What it makes desktops
// from is read as well. Errors: NotFound.
func (s *Service) Test(ctx context.Context, id uuid.UUID, operator string) (Host, error) {
	r, driver, err := s.driverOf(ctx, id)
	if err != nil {
		return Host{}, err
	}
	checks := s.look(ctx, driver)
	err = s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		if err := setChecks(ctx, tx, id, checks, s.Now()); err != nil {
			return err
		}
		return record(ctx, tx, operator, "host.tested", r.Name, map[string]any{"id": id, "passed": Passed(checks)})
	})
	if err != nil {
		return Host{}, err
	}
	if Passed(checks) {
		if err := s.SyncImages(ctx, id); err != nil {
			s.Log.WarnContext(ctx, "the images of a desktop host could not be read", "host", r.Name, "error", err)
		}
	}
	return s.Get(ctx, id)
}

func (s *Service) look(ctx context.Context, driver workspaces.Driver) []workspaces.HostCheck {
	ctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	if tester, ok := driver.(Tester); ok {
		return tester.Test(ctx, s.Now())
	}
	// The one question that every host answers.
	if _, err := driver.List(ctx); err != nil {
		return []workspaces.HostCheck{{Name: "reachable", Sentence: "The host does not answer: " + err.Error()}}
	}
	return []workspaces.HostCheck{{Name: "reachable", OK: true, Sentence: "The host answers and lists its desktops."}}
}

// Passed tells whether a test found nothing that the product cannot do without.
func Passed(checks []workspaces.HostCheck) bool {
	for _, c := range checks {
		if !c.OK && !c.Warning {
			return false
		}
	}
	return len(checks) > 0
}
