package hosts_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// estate is a database with one shop, and the hosts in it.
type estate struct {
	*testing.T
	db    *tenants.DB
	shop  tenants.Tenant
	hosts *hosts.Service
	key   *seal.Key

	mu   sync.Mutex
	made int // drivers
	wall time.Time
}

func (e *estate) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wall
}

func (e *estate) pass(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wall = e.wall.Add(d)
}

func (e *estate) drivers() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.made
}

func (e *estate) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{T: t, wall: time.Now()}
	e.db, e.shop = bustest.Fresh(t, e.now)
	e.key = newKey(t, "k")
	e.hosts = e.service(e.key)
	return e
}

func newKey(t *testing.T, letter string) *seal.Key {
	t.Helper()
	key, err := seal.New(strings.Repeat(letter, 40))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// service is another program on the same database.
func (e *estate) service(key *seal.Key) *hosts.Service {
	return hosts.New(hosts.Config{DB: e.db, Key: key, Now: e.now, Wall: e.now, Log: slog.New(slog.DiscardHandler), Makers: map[string]hosts.Maker{
		hosts.Kasm: func(s hosts.Settings) (workspaces.Driver, error) {
			e.mu.Lock()
			e.made++
			e.mu.Unlock()
			client, err := kasm.New(kasm.Config{URL: s.URL, Key: s.Key, Secret: s.Secret, Auth: s.Auth, Insecure: s.Insecure})
			if err != nil {
				return nil, err
			}
			return kasm.NewDriver(client, e.now), nil
		},
	}})
}

func (e *estate) server() (sim *kasmsim.Sim, address string) {
	e.Helper()
	sim, err := kasmsim.New(kasmsim.Options{StartDelay: -1, StopDelay: -1})
	e.must(err)
	server := httptest.NewServer(sim.Handler())
	e.Cleanup(server.Close)
	return sim, server.URL
}

func (e *estate) add(name string) hosts.Host {
	e.Helper()
	sim, address := e.server()
	h, err := e.hosts.Add(e.Context(), hosts.Entry{Name: name, URL: address, Key: sim.Key(), Secret: sim.Secret()}, "olga@example.com")
	e.must(err)
	return h
}

func (e *estate) fleet(s *hosts.Service) []workspaces.Host {
	e.Helper()
	fleet, err := s.Hosts(e.Context())
	e.must(err)
	return fleet
}

func names(fleet []workspaces.Host, which func(workspaces.Host) bool) (list []string) {
	for _, h := range fleet {
		if which(h) {
			list = append(list, h.Name)
		}
	}
	return list
}

func all(workspaces.Host) bool      { return true }
func active(h workspaces.Host) bool { return h.Active }

func (e *estate) audit() (actions []string) {
	e.Helper()
	e.must(e.db.CentralRead(e.Context(), tenants.ListQ(&actions, `select action || ' ' || subject || ' ' || actor from central.audit_log where action like 'host.%' order by id`)))
	return actions
}

// A change is followed at once by the program that made it, and within seconds by
// one beside it, which keeps the drivers whose settings stayed.
func TestChangesAreFollowedWithinSeconds(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	beside := e.service(e.key)
	first := e.add("a")
	if got := names(e.fleet(beside), all); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("at first: %q", got)
	}
	e.add("b")
	if got := names(e.fleet(e.hosts), all); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the program that added it uses %q", got)
	}
	e.fleet(beside)
	e.pass(6 * time.Second)
	if got := names(e.fleet(beside), active); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the other uses %q", got)
	}
	_, err := e.hosts.Drain(e.Context(), first.ID, "olga@example.com")
	e.must(err)
	e.pass(6 * time.Second)
	before := e.drivers()
	fleet := e.fleet(beside)
	if got := names(fleet, active); !slices.Equal(got, []string{"b"}) || len(fleet) != 2 || e.drivers() != before {
		t.Errorf("after draining: %q of %d, %d new drivers", got, len(fleet), e.drivers()-before)
	}
	_, err = e.hosts.Retire(e.Context(), first.ID, "olga@example.com")
	e.must(err)
	if got := names(e.fleet(e.hosts), all); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after retiring: %q", got)
	}
	want := []string{"host.added a olga@example.com", "host.added b olga@example.com", "host.draining a olga@example.com", "host.retired a olga@example.com"}
	if got := e.audit(); !slices.Equal(got, want) {
		t.Errorf("the audit log says %q", got)
	}
}

// What the configuration says of a host does not undo what the operator set.
func TestTheConfigurationKeepsWhatTheOperatorSet(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	entry := hosts.Entry{Name: "default", URL: "http://127.0.0.1:1/", Key: "k", Secret: "s"}
	id, err := e.hosts.Ensure(t.Context(), entry)
	e.must(err)
	edit := entry
	edit.Zone, edit.Capacity, edit.Secret = "fra", 7, ""
	_, err = e.hosts.Edit(t.Context(), id, edit, "olga@example.com")
	e.must(err)
	_, err = e.hosts.Drain(t.Context(), id, "olga@example.com")
	e.must(err)
	entry.URL, entry.Secret, entry.Insecure = "https://127.0.0.1:2", "other", true
	again, err := e.hosts.Ensure(t.Context(), entry)
	e.must(err)
	h, err := e.hosts.Get(t.Context(), id)
	e.must(err)
	if again != id || h.Zone != "fra" || h.Capacity != 7 || h.Status != hosts.Draining || h.URL != "https://127.0.0.1:2" || !h.Insecure {
		t.Errorf("%+v", h)
	}
	if _, err := e.hosts.Ensure(t.Context(), hosts.Entry{Name: "odd", URL: "nowhere"}); !fail.Is(err, fail.Invalid) {
		t.Error(err)
	}
}

// A host that cannot be spoken to stays in the fleet, so that its desktops are not
// taken for nobody's, and says why.
func TestAHostThatCannotBeUsedSaysWhy(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	e.add("a")
	fleet := e.fleet(e.service(newKey(t, "x")))
	if len(fleet) != 1 || fleet[0].Active {
		t.Fatalf("%+v", fleet)
	}
	d := fleet[0].Driver
	_, listErr := d.List(t.Context())
	_, userErr := d.EnsureUser(t.Context(), workspaces.HostUser{})
	_, imageErr := d.FindImage(t.Context(), "", 0, 0)
	_, requestErr := d.Request(t.Context(), workspaces.Wish{})
	_, linkErr := d.Link(t.Context(), "", "")
	_, roomErr := d.Room(t.Context())
	_, keepsErr := d.Keeps(t.Context())
	for _, err := range []error{listErr, userErr, imageErr, requestErr, linkErr, roomErr, keepsErr, d.Stop(t.Context(), "", ""), d.Resume(t.Context(), "", ""), d.Destroy(t.Context(), "", ""), d.Keepalive(t.Context(), "")} {
		if workspaces.HostKindOf(err) != workspaces.HostUnavailable || !strings.Contains(err.Error(), "secret") || !errors.As(err, new(*workspaces.HostError)) {
			t.Error(err)
		}
	}
}

func TestOnlyAnEmptyHostIsRetired(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	h := e.add("a")
	desk := e.desktopOn(h.ID)
	refuse := func(what, part string) {
		t.Helper()
		if _, err := e.hosts.Retire(t.Context(), h.ID, "olga"); !fail.Is(err, fail.Conflict) || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuse("one that takes desktops", "Drain it first")
	_, err := e.hosts.Drain(t.Context(), h.ID, "olga")
	e.must(err)
	refuse("one with a stopped desktop", "one desktop")
	e.exec(`update kasm_workspaces set observed_state = 'gone', status = 'terminated', desired_state = 'terminated' where id = $1`, desk)

	// One that only the host itself knows counts, too.
	driver := e.fleet(e.hosts)[0].Driver
	user, err := driver.EnsureUser(t.Context(), workspaces.HostUser{Username: "ez.acme.1", Password: "Ez-Secret-7a"})
	e.must(err)
	image, err := driver.FindImage(t.Context(), "ezscale/custom", 2, 4096)
	e.must(err)
	id, err := driver.Request(t.Context(), workspaces.Wish{UserID: user, ImageID: image})
	e.must(err)
	refuse("one that lists a desktop of ours", "one desktop")
	e.must(driver.Destroy(t.Context(), user, id))
	got, err := e.hosts.Retire(t.Context(), h.ID, "olga")
	if err != nil || got.Status != hosts.Retired {
		t.Fatal(got.Status, err)
	}
	if _, err := e.hosts.Drain(t.Context(), h.ID, "olga"); !fail.Is(err, fail.Conflict) {
		t.Error(err)
	}
	if _, err := e.hosts.Edit(t.Context(), h.ID, hosts.Entry{}, "olga"); !fail.Is(err, fail.Conflict) {
		t.Error(err)
	}
	got, err = e.hosts.Activate(t.Context(), h.ID, "olga")
	if err != nil || got.Status != hosts.Active || len(e.fleet(e.hosts)) != 1 {
		t.Error(got.Status, err)
	}
	if _, err := e.hosts.Retire(t.Context(), uuid.New(), "olga"); !fail.Is(err, fail.NotFound) {
		t.Error(err)
	}
}

// desktopOn writes a stopped desktop of a customer down on a host.
func (e *estate) desktopOn(host uuid.UUID) (id uuid.UUID) {
	e.Helper()
	id = uuid.New()
	user, service := uuid.New(), uuid.New()
	e.exec(`insert into users (id, email, name, password_hash, status, created_at) values ($1, 'ada@example.com', 'Ada', 'x', 'active', now())`, user)
	e.exec(`insert into services (id, user_id, plan_id, service_type, status, created_at) select $1, $2, id, service_type, 'active', now() from plans where service_type = 'developer_basic'`, service, user)
	e.exec(`insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, kasm_server_id, kasm_workspace_id, desired_state, observed_state, status, changed_at, created_at)
		select $1, $2, $3, p.id, t.id, p.service_type, t.name, p.vcpu, p.ram_mb, $4, $5, 'stopped', 'stopped', 'stopped', now(), now()
		from plans p, kasm_workspace_templates t where p.service_type = 'developer_basic' order by t.sort_order limit 1`, id, user, service, host, strings.Repeat("c", 32))
	return id
}

func (e *estate) exec(sql string, args ...any) {
	e.Helper()
	e.must(e.db.In(e.Context(), e.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(e.Context(), sql, args...)
		return err
	}))
}

func TestImagesAndSizesAreCompared(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	h := e.add("a")
	matrix := func() []hosts.Pair {
		t.Helper()
		pairs, whole, err := e.hosts.Matrix(t.Context(), h)
		if err != nil || !whole {
			t.Fatal(whole, err)
		}
		return pairs
	}
	if pairs := matrix(); len(pairs) == 0 || len(hosts.Missing(pairs)) != len(pairs) {
		t.Errorf("before anything was read: %d of %d missing", len(hosts.Missing(pairs)), len(pairs))
	}
	tested, err := e.hosts.Test(t.Context(), h.ID, "olga@example.com")
	if err != nil || !hosts.Passed(tested.Checks) || tested.CheckedAt == nil {
		t.Fatalf("%v %+v", err, tested.Checks)
	}
	if missing := hosts.Missing(matrix()); len(missing) != 0 {
		t.Errorf("the simulator lacks %+v", missing)
	}
	e.exec(`update plans set vcpu = 6, ram_mb = 12288 where service_type = 'developer_pro'`)
	missing := hosts.Missing(matrix())
	for _, p := range missing {
		if p.VCPU != 6 || p.RAMMB != 12288 || !p.Clonable || !slices.Equal(p.Plans, []string{"Developer Pro"}) {
			t.Errorf("%+v", p)
		}
	}
	if len(missing) < 3 {
		t.Fatalf("%d are missing", len(missing))
	}
	n, err := e.hosts.CreateImages(t.Context(), h.ID, missing[0].Source, 6, 12288, "olga@example.com")
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	n, err = e.hosts.CreateImages(t.Context(), h.ID, "", 0, 0, "olga@example.com")
	if err != nil || n != len(missing)-1 || len(hosts.Missing(matrix())) != 0 {
		t.Error(n, err, hosts.Missing(matrix()))
	}
	if _, err := e.hosts.CreateImages(t.Context(), h.ID, "", 0, 0, "olga@example.com"); !fail.Is(err, fail.Conflict) {
		t.Error(err)
	}
	if _, err := e.hosts.CreateImages(t.Context(), h.ID, "ezscale/custom", 77, 1, "olga@example.com"); !fail.Is(err, fail.Invalid) {
		t.Error(err)
	}
	for _, p := range missing { // the driver finds them
		if _, err := e.fleet(e.hosts)[0].Driver.FindImage(t.Context(), p.Source, p.VCPU, p.RAMMB); err != nil {
			t.Error(err)
		}
	}
}

// The loop of a running program reads the images of a host that was added.
func TestARunningProgramReadsTheImages(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	h := e.add("a")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.hosts.Run(ctx) }()
	deadline := time.After(10 * time.Second)
	for {
		images, err := e.hosts.Images(t.Context(), h.ID)
		e.must(err)
		if len(images) == len(kasmsim.DefaultImages()) {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("%d images were read", len(images))
		case <-time.After(10 * time.Millisecond):
		}
	}
	// And it follows at once what another program does.
	e.fleet(e.hosts)
	_, err := e.service(e.key).Drain(t.Context(), h.ID, "olga@example.com")
	e.must(err)
	for len(names(e.fleet(e.hosts), active)) > 0 {
		select {
		case <-deadline:
			t.Fatal("the host still takes desktops")
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	e.must(<-done)
}

func TestSettingsHideTheirSecrets(t *testing.T) {
	t.Parallel()
	s := hosts.Settings{Name: "a", Key: "hush-hush", Secret: "hush-hush"}
	for _, text := range []string{s.String(), s.GoString(), s.LogValue().String()} {
		if strings.Contains(text, "hush") {
			t.Error(text)
		}
	}
}
