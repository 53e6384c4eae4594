package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// kasmMakers makes drivers of Kasm servers, and of Docker engines that never answer.
func kasmMakers() map[string]hosts.Maker {
	return map[string]hosts.Maker{
		hosts.Kasm: func(s hosts.Settings) (workspaces.Driver, error) {
			client, err := kasm.New(kasm.Config{URL: s.URL, Key: s.Key, Secret: s.Secret, Auth: s.Auth, Insecure: s.Insecure})
			if err != nil {
				return nil, err
			}
			return kasm.NewDriver(client, time.Now), nil
		},
		hosts.Docker: func(hosts.Settings) (workspaces.Driver, error) { return silentEngine{}, nil },
	}
}

// silentEngine is a host that does not answer.
type silentEngine struct{ workspaces.Driver }

func (silentEngine) fault() error {
	return &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "the engine does not answer"}
}

func (s silentEngine) List(context.Context) (workspaces.Listing, error) {
	return workspaces.Listing{}, s.fault()
}

func (s silentEngine) Room(context.Context) (workspaces.Room, error) {
	return workspaces.Room{}, s.fault()
}

func machinesOf(t testing.TB, db *tenants.DB) *hosts.Service {
	t.Helper()
	key, err := seal.New(strings.Repeat("k", 40))
	if err != nil {
		t.Fatal(err)
	}
	return hosts.New(hosts.Config{DB: db, Key: key, Now: func() time.Time { return noon }, Wall: time.Now, Log: slog.New(slog.DiscardHandler), Makers: kasmMakers()})
}

// simServer is a simulated Kasm server of the test's own.
func simServer(t testing.TB) (sim *kasmsim.Sim, address string) {
	t.Helper()
	sim, err := kasmsim.New(kasmsim.Options{StartDelay: -1, StopDelay: -1})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	return sim, server.URL
}

// machines adds a host of each kind, with everything that their pages can show.
func (w *world) machines() (kasmHost, dockerHost uuid.UUID) {
	w.t.Helper()
	ctx := context.Background()
	sim, address := simServer(w.t)
	first, err := w.deps.Hosts.Add(ctx, hosts.Entry{Name: "kasm " + w.a.Slug, URL: address, Key: sim.Key(), Secret: sim.Secret(), Zone: "Frankfurt am Main, second floor", Capacity: 20}, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	second, err := w.deps.Hosts.Add(ctx, hosts.Entry{Name: "docker " + w.a.Slug, Kind: hosts.Docker}, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range []hosts.Host{first, second} {
		if _, err := w.deps.Hosts.Test(ctx, h.ID, "test"); err != nil {
			w.t.Fatal(err)
		}
	}
	desksIn(w, w.a).exec(`update plans set vcpu = 12, ram_mb = 24576 where service_type = 'business_enterprise'`)
	if _, err := w.deps.Hosts.Drain(ctx, second.ID, "test"); err != nil {
		w.t.Fatal(err)
	}
	w.onCentral(`insert into central.audit_log (actor, action, subject, detail) values ('system', 'desktop.stray_destroyed', $1, $2::jsonb)`,
		strings.Repeat("ab", 16), `{"host": "`+first.Name+`", "user": "ez.northwind.`+strings.Repeat("0", 32)+`", "state": "running"}`)
	w.t.Cleanup(func() { w.onCentral(`delete from central.kasm_servers where id in ($1, $2)`, first.ID, second.ID) })
	return first.ID, second.ID
}

func (w *world) onCentral(sql string, args ...any) {
	w.t.Helper()
	err := w.deps.DB.Central(context.Background(), func(tx tenants.CentralTx) error {
		_, err := tx.Exec(context.Background(), sql, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// audited gives what the audit log says was done to a host, the oldest first.
func (w *world) audited(host string) (actions []string) {
	w.t.Helper()
	if err := w.deps.DB.CentralRead(context.Background(), tenants.ListQ(&actions, `select action || ' by ' || actor from central.audit_log where subject = $1 order by id`, host)); err != nil {
		w.t.Fatal(err)
	}
	return actions
}

func TestAHostIsAddedTestedDrainedAndRetired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	sim, address := simServer(t)
	o := w.operator()
	desk := w.central().signIn("/admin", o.Email)
	name := "frankfurt " + w.a.Slug
	form := url.Values{"name": {name}, "driver": {"kasm"}, "url": {address + "/"}, "api_key": {sim.Key()}, "api_key_secret": {sim.Secret()}, "zone": {"fra"}, "capacity": {"12"}}
	desk.get("/admin/servers").want(200).says("Desktop hosts", "New host")
	added := desk.post("/admin/servers", form).want(303)
	path := added.header.Get("Location")
	if !strings.HasPrefix(path, "/admin/servers/") {
		t.Fatalf("it goes to %q", path)
	}
	desk.get(path).want(200).says(name+" is added and passed its test", "Kasm · fra", "0 of 12", "Users Auth Session", "The licence contains developer_api",
		"Ubuntu with VS Code").hides(sim.Secret())
	desk.get("/admin/servers").want(200).says(name, "Passed", "memory free").hides(sim.Secret())
	desk.get("/admin").want(200).says(name)
	fleet, err := w.deps.Hosts.Hosts(t.Context())
	if err != nil || !slices.ContainsFunc(fleet, func(h workspaces.Host) bool {
		return h.Name == name && h.Kind == "kasm" && h.Zone == "fra" && h.Capacity == 12 && h.Active
	}) {
		t.Fatalf("the fleet is %+v, %v", fleet, err)
	}

	edit := url.Values{"url": {address}, "api_key": {sim.Key()}, "api_key_secret": {""}, "auth": {"basic"}, "zone": {"ams"}, "capacity": {""}}
	desk.post(path, edit).goesTo(path)
	desk.get(path).want(200).says("are saved", "Kasm · ams")
	desk.post(path+"/test", nil).goesTo(path) // the secret was kept
	desk.get(path).want(200).says(name + " passed its test.")

	desk.post(path+"/retire", nil).goesTo(path)
	desk.get(path).want(200).says("still takes new desktops. Drain it first.")
	desk.post(path+"/drain", nil).goesTo(path)
	desk.get(path).want(200).says("takes no new desktops", "Draining")
	desk.post(path+"/activate", nil).goesTo(path)
	desk.post(path+"/drain", nil).goesTo(path)
	desk.post(path+"/retire", nil).goesTo(path)
	desk.get(path).want(200).says("is retired and is asked no more")
	want := []string{"host.added", "host.tested", "host.changed", "host.tested", "host.draining", "host.activated", "host.draining", "host.retired"}
	for i := range want {
		want[i] += " by " + o.Email
	}
	if got := w.audited(name); !slices.Equal(got, want) {
		t.Errorf("the audit log says %q", got)
	}
}

func TestAHostsFormSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	desk := w.central().signIn("/admin", w.operator().Email)
	base := url.Values{"name": {"form " + w.a.Slug}, "driver": {"kasm"}, "url": {"https://kasm.example.com"}, "api_key": {"a-key"}, "api_key_secret": {"a-hidden-word"}, "auth": {"body"}, "zone": {"fra"}, "capacity": {"5"}}
	for _, c := range []struct{ field, value string }{
		{"name", ""}, {"name", strings.Repeat("x", 61)}, {"name", "a/b"}, {"driver", "lxc"}, {"url", ""}, {"url", "kasm.example.com"}, {"url", "ftp://kasm.example.com"},
		{"url", "https://user:pass@kasm.example.com"}, {"url", "https://kasm.example.com/path"}, {"url", "unix:///var/run/docker.sock"}, {"url", "https://" + strings.Repeat("a", 300)},
		{"api_key", ""}, {"api_key", strings.Repeat("x", 201)}, {"api_key_secret", ""}, {"api_key_secret", "two words"}, {"auth", "digest"}, {"zone", strings.Repeat("z", 61)},
		{"capacity", "many"}, {"capacity", "-1"}, {"capacity", "100001"},
	} {
		form := url.Values{}
		for k, v := range base {
			form[k] = v
		}
		form.Set(c.field, c.value)
		got := desk.post("/admin/servers", form)
		if got.status != 422 || got.fieldError(c.field) == "" {
			t.Errorf("%s %q: status %d, %q beside the field", c.field, c.value, got.status, got.fieldError(c.field))
			continue
		}
		for field := range base {
			switch field {
			case "driver", "auth", "api_key_secret":
			default:
				if kept := got.value(field); kept != form.Get(field) {
					t.Errorf("%s %q: %s became %q", c.field, c.value, field, kept)
				}
			}
		}
		got.hides("a-hidden-word")
	}
	docker := url.Values{"name": {"engine " + w.a.Slug}, "driver": {"docker"}, "image_tag": {"not a tag"}, "url": {"https://elsewhere.example.com"}}
	got := desk.post("/admin/servers", docker).want(422)
	if got.fieldError("image_tag") == "" || got.fieldError("url") == "" || got.fieldError("api_key") != "" {
		t.Error("the fields of Docker are judged wrong")
	}
	docker.Set("image_tag", "1.19.0")
	docker.Set("url", "")
	path := desk.post("/admin/servers", docker).want(303).header.Get("Location")
	desk.get(path).want(200).says("did not pass its test", "The host does not answer", "unix:///var/run/docker.sock")
	if got := desk.post("/admin/servers", docker).want(422); !strings.Contains(got.fieldError("name"), "already") {
		t.Errorf("the same name again: %q", got.fieldError("name"))
	}
	if got := desk.post(path, url.Values{"capacity": {"x"}, "url": {"tcp://127.0.0.1:2375"}}).want(422); got.fieldError("capacity") == "" || got.value("url") != "tcp://127.0.0.1:2375" {
		t.Error("the form of a host that is there loses its input")
	}
	id := uuid.MustParse(path[strings.LastIndex(path, "/")+1:])
	w.onCentral(`delete from central.kasm_servers where id = $1`, id)
	desk.get(path).want(404)
	desk.get("/admin/servers/x").want(404)
	desk.post("/admin/servers/"+uuid.NewString()+"/drain", nil).want(404)
}

func TestMissingSizesAreSeenAndMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	desk := w.central().signIn("/admin", w.operator().Email)
	sim, address := simServer(t)
	h, err := w.deps.Hosts.Add(t.Context(), hosts.Entry{Name: "sizes " + w.a.Slug, URL: address, Key: sim.Key(), Secret: sim.Secret()}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.onCentral(`delete from central.kasm_servers where id = $1`, h.ID) })
	path := serverPath(h.ID)
	shop := desksIn(w, w.a)
	shop.exec(`update plans set vcpu = 7, ram_mb = 14336 where service_type = 'business_pro'`)
	shop.exec(`update plans set vcpu = 11, ram_mb = 22528 where service_type = 'developer_pro'`)
	shop.exec(`insert into kasm_workspace_templates (name, workspace_type, kasm_template_id, vcpu_default, ram_mb_default) values ('Nowhere ' || $1, 'business', 'ezscale/nowhere-' || $1, 2, 4096)`, w.a.Slug)
	desk.post(path+"/images/sync", nil).goesTo(path)
	page := desk.get(path).want(200).says("The images are read", "7 vCPU, 14 GB", "11 vCPU, 22 GB", "Nowhere", "No image to copy")
	// The sizes are nobody else's; every shop's count, and other tests have shops, too.
	if len(page.all("input", "name", "template", "value", "ezscale/browser-office")) == 0 || len(page.all("input", "name", "vcpu", "value", "7")) == 0 {
		t.Fatalf("no button makes the office's size:\n%s", page.text())
	}
	desk.post(path+"/images", url.Values{"template": {"ezscale/browser-office"}, "vcpu": {"7"}, "ram_mb": {"14336"}}).goesTo(path)
	desk.get(path).want(200).says("1 image made")
	desk.post(path+"/images", url.Values{"template": {"ezscale/browser-office"}, "vcpu": {"7"}, "ram_mb": {"14336"}}).goesTo(path)
	desk.get(path).want(200).says("there already")
	desk.post(path+"/images", url.Values{"template": {"ezscale/browser-office"}, "vcpu": {"999"}, "ram_mb": {"14336"}}).goesTo(path)
	desk.get(path).want(200).says("Nobody sells this template in this size")
	desk.post(path+"/images", url.Values{"template": {"x"}, "vcpu": {"many"}}).want(400)
	desk.post(path+"/images", nil).goesTo(path)
	if left := desk.get(path).want(200).says("made. Desktops of it can start at once").all("input", "name", "vcpu", "value", "11"); len(left) != 0 {
		t.Errorf("%d sizes are still offered", len(left))
	}
	images, err := w.deps.Hosts.Images(t.Context(), h.ID)
	if err != nil || !slices.ContainsFunc(images, func(i workspaces.HostImage) bool { return i.Makes("ezscale/browser-office", 7, 14336) }) {
		t.Errorf("%v %+v", err, images)
	}
}

func TestAHostsPageTellsWhatBecameOfStrays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, other := w.machines()
	desk := w.central().signIn("/admin", w.operator().Email)
	desk.get(serverPath(h)).want(200).says("of 20", "Desktops that nobody claimed", strings.Repeat("ab", 16), "ez.northwind."+strings.Repeat("0", 32))
	desk.get(serverPath(other)).want(200).says("There was none", "The host does not answer").hides(strings.Repeat("ab", 16))
}

func TestSecretsOfHostsAreSealedAndKeptFromEveryText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const secret = "a-very-secret-word"
	h, err := w.deps.Hosts.Add(t.Context(), hosts.Entry{Name: "sealed " + w.a.Slug, URL: "http://127.0.0.1:1", Key: "key", Secret: secret}, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.onCentral(`delete from central.kasm_servers where id = $1`, h.ID) })
	var rows []string
	if err := w.deps.DB.CentralRead(t.Context(), tenants.ListQ(&rows, `select row_to_json(s)::text || coalesce((select string_agg(detail::text, '') from central.audit_log where subject = s.name), '')
		from central.kasm_servers s where id = $1`, h.ID)); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(rows, string(raw)) {
		if strings.Contains(text, secret) {
			t.Error("the secret is readable")
		}
	}
}
