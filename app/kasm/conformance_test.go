package kasm_test

import (
	"crypto/tls"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/app/workspaces/drivertest"
)

// A true Kasm server to hold to the same promises, beside the simulated ones. The
// tests make a handful of accounts there and at most -kasm-many desktops at once.
var (
	trueURL      = flag.String("kasm-url", "", "address of a true Kasm server")
	trueKey      = flag.String("kasm-key", "", "its API key")
	trueSecret   = flag.String("kasm-secret", "", "the key's secret")
	trueImage    = flag.String("kasm-image", "", "docker name or id of an enabled image there")
	trueVCPU     = flag.Int("kasm-vcpu", 2, "the image's cores")
	trueRAM      = flag.Int("kasm-ram-mb", 2768, "the image's memory")
	trueBasic    = flag.Bool("kasm-basic", false, "send the key by Basic authentication")
	trueVerify   = flag.Bool("kasm-verify", false, "believe only certificates that are signed")
	trueNoStop   = flag.Bool("kasm-cannot-stop", false, "the server's stop and resume are not to be had")
	trueMany     = flag.Int("kasm-many", 3, "desktops at once")
	truePatience = flag.Duration("kasm-patience", 10*time.Minute, "until a desktop must be up")
)

func TestDriverKeepsThePromises(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		sim        kasmsim.Options
		client     kasm.Config
		https      bool
		without    int // the status of calls that stop and resume
		cannotStop bool
	}{
		{name: "as it comes", sim: kasmsim.Options{StartDelay: 30 * time.Millisecond, StopDelay: 30 * time.Millisecond}},
		{name: "at once", sim: kasmsim.Options{StartDelay: -1, StopDelay: -1}},
		{
			name: "newer, Basic, https", https: true, client: kasm.Config{Auth: kasm.AuthBasic, Insecure: true},
			sim: kasmsim.Options{StartDelay: -1, StopDelay: -1, Set: map[string]any{"memory_field": kasmsim.MemoryNew, "auth": kasmsim.AuthBasic}},
		},
		{name: "refusals with status 200", sim: kasmsim.Options{StartDelay: -1, StopDelay: -1, Set: map[string]any{"refusal_style": kasmsim.StyleOKError}}},
		{name: "refusals with status 400", sim: kasmsim.Options{StartDelay: -1, StopDelay: -1, Set: map[string]any{"refusal_style": kasmsim.StyleJSON}}},
		{name: "stop not permitted", sim: kasmsim.Options{StartDelay: -1, StopDelay: -1}, without: http.StatusForbidden, cannotStop: true},
		{name: "no stop at all", sim: kasmsim.Options{StartDelay: -1, StopDelay: -1}, without: http.StatusNotFound, cannotStop: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, func(t *testing.T) drivertest.Subject {
				sim, err := kasmsim.New(c.sim)
				if err != nil {
					t.Fatal(err)
				}
				conf := c.client
				conf.URL, conf.Key, conf.Secret = serveSim(t, sim.Handler(), c.https, c.without), sim.Key(), sim.Secret()
				s := subject(t, conf)
				s.Template, s.VCPU, s.RAMMB, s.Unknown = "ezscale/custom", 2, 4096, "ezscale/nothing"
				s.CannotStop, s.Patience, s.Every = c.cannotStop, 20*time.Second, 5*time.Millisecond
				return s
			})
		})
	}
	if *trueURL != "" {
		t.Run("the true server", trueServer)
	}
}

func trueServer(t *testing.T) {
	auth := kasm.AuthBody
	if *trueBasic {
		auth = kasm.AuthBasic
	}
	drivertest.Run(t, func(t *testing.T) drivertest.Subject {
		s := subject(t, kasm.Config{URL: *trueURL, Key: *trueKey, Secret: *trueSecret, Auth: auth, Insecure: !*trueVerify})
		s.Template, s.VCPU, s.RAMMB, s.Unknown = *trueImage, *trueVCPU, *trueRAM, "ezscale/nothing"
		s.CannotStop, s.Many, s.Patience, s.Every = *trueNoStop, *trueMany, *truePatience, 2*time.Second
		return s
	})
}

func subject(t *testing.T, c kasm.Config) drivertest.Subject {
	t.Helper()
	client, err := kasm.New(c)
	if err != nil {
		t.Fatal(err)
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close() // nobody listens there any more
	away := c
	away.URL = closed.URL
	unreachable, err := kasm.New(away)
	if err != nil {
		t.Fatal(err)
	}
	return drivertest.Subject{
		Driver: promised(client), Unreachable: promised(unreachable),
		Missing: strings.Repeat("0123456789abcdef", 2), Secrets: []string{c.Key, c.Secret},
	}
}

func promised(c *kasm.Client) workspaces.Driver { return kasm.NewDriver(c, time.Now) }

// serveSim serves a simulator; without is the status of the calls that it is not to
// have, 0 for none.
func serveSim(t *testing.T, sim http.Handler, https bool, without int) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case without == 0 || !strings.HasSuffix(r.URL.Path, "stop_kasm") && !strings.HasSuffix(r.URL.Path, "pause_kasm") && !strings.HasSuffix(r.URL.Path, "resume_kasm"):
			sim.ServeHTTP(w, r)
		case without == http.StatusForbidden:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(without)
			_, _ = w.Write([]byte(`{"error_message":"Unauthorized"}`))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	if !https {
		server.Start()
		return server.URL
	}
	certificate, err := kasmsim.Certificate("", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	return server.URL
}
