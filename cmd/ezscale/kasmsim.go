package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"

	"github.com/ezscale/ezscale/app/kasmsim"
)

type kasmSimCmd struct {
	JSON bool `help:"Print one line of JSON when ready: the address, the key and its secret."`
}

// Help tells a developer who knows nothing of this program how to use it.
func (kasmSimCmd) Help() string {
	return `Speaks the Kasm Workspaces developer API on EZSCALE_KASM_SIM_ADDR (default 127.0.0.1:8090).
The key and its secret are EZSCALE_KASM_API_KEY and EZSCALE_KASM_API_KEY_SECRET, or are made up and printed.
GET /sim/record tells what truly ran; POST /sim/settings, /sim/kill and /sim/clock change how it behaves.`
}

// Run serves the simulator alone until it is told to stop.
func (cmd kasmSimCmd) Run(c *console) error {
	sim, err := c.startSim()
	if err != nil {
		return err
	}
	data := map[string]string{"kasm_sim": sim.url(), "api_key": sim.Key(), "api_key_secret": sim.Secret()}
	text := fmt.Sprintf("Kasm simulator on %s\n  EZSCALE_KASM_URL=%s\n  EZSCALE_KASM_API_KEY=%s\n  EZSCALE_KASM_API_KEY_SECRET=%s", sim.url(), sim.url(), sim.Key(), sim.Secret())
	if err := c.print(cmd.JSON, data, text); err != nil {
		return err
	}
	return errors.Join(sim.serve(c.ctx), sim.Close())
}

// simulator is a simulated Kasm server with its address.
type simulator struct {
	*kasmsim.Sim
	listener net.Listener
	log      *slog.Logger
}

// startSim opens the simulator on its own folder and takes its address.
func (c *console) startSim() (*simulator, error) {
	l, err := listen("the Kasm simulator", c.config.KasmSimAddr)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.config.DataDir, "kasm-sim")
	sim, err := kasmsim.New(kasmsim.Options{Dir: dir, Log: c.log, Key: c.config.KasmKey, Secret: string(c.config.KasmKeySecret)})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the Kasm simulator: %w", err), l.Close())
	}
	return &simulator{Sim: sim, listener: l, log: c.log}, nil
}

func (s *simulator) url() string { return "http://" + s.listener.Addr().String() }

func (s *simulator) serve(ctx context.Context) error {
	return ignoreClosed(serveHTTP(ctx, s.listener, s.Handler(), s.log))
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
