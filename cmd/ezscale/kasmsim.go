package main

import (
	"context"
	"errors"
	"fmt"
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
	return errors.Join(sim.wait(c.ctx), sim.close())
}

// simulator is a simulated Kasm server that answers on its address.
type simulator struct {
	*kasmsim.Sim
	address string
	stop    context.CancelFunc
	ended   chan error
}

// startSim opens the simulator on its own folder and begins to answer: others ask
// it while they start.
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
	ctx, stop := context.WithCancel(context.Background())
	s := &simulator{Sim: sim, address: "http://" + l.Addr().String(), stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- ignoreClosed(serveHTTP(ctx, l, sim.Handler(), c.log)) }()
	return s, nil
}

func (s *simulator) url() string { return s.address }

// wait ends when the simulator stops answering, or the context ends.
func (s *simulator) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.ended:
		s.ended <- err
		return err
	}
}

// close stops answering and puts the record away.
func (s *simulator) close() error {
	s.stop()
	return errors.Join(<-s.ended, s.Sim.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
