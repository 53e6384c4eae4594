package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

func TestSimulatorSpeaksHTTPSWithItsOwnCertificate(t *testing.T) {
	t.Parallel()
	c := &console{ctx: t.Context(), config: Config{KasmSimAddr: "127.0.0.1:0", DataDir: t.TempDir()}, log: slog.New(slog.DiscardHandler)}
	sim, err := c.openSim(kasmsim.Options{}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.close(); err != nil {
			t.Error(err)
		}
	})
	if !strings.HasPrefix(sim.url(), "https://127.0.0.1:") {
		t.Error(sim.url())
	}
	for insecure, want := range map[bool]kasm.Kind{true: "", false: kasm.KindUnavailable} {
		client, err := kasm.New(kasm.Config{URL: sim.url(), Key: sim.Key(), Secret: sim.Secret(), Insecure: insecure})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.List(t.Context()); kasm.KindOf(err) != want {
			t.Errorf("insecure %v: %v", insecure, err)
		}
	}
}
