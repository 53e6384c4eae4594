package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/ezscale/ezscale/app/kasmsim"
)

type kasmSimCmd struct {
	JSON bool `help:"Print one line of JSON when ready: the address, the key and its secret."`
	TLS  bool `name:"tls" help:"Speak https with a self-signed certificate, kept in the simulator's folder."`

	ReadyAtOnce    bool           `help:"Desktops run as soon as they are asked for."`
	StartDelay     *time.Duration `placeholder:"3s" help:"From request to running."`
	RequestedDelay *time.Duration `placeholder:"1s" help:"Of it in the state requested; a third unless given."`
	ResumeDelay    *time.Duration `placeholder:"3s" help:"From resume to running; as long as a start unless given."`
	StopDelay      *time.Duration `placeholder:"1s" help:"From destroy to gone."`
	DeletingSticks *bool          `negatable:"" help:"What is destroyed stays in the state deleting."`
	StartFailures  *float64       `placeholder:"SHARE" help:"Share of desktops that end in the state error, 0 to 1."`

	Capacity     *int     `placeholder:"N" help:"Desktops that the agents hold at once; =-1 is no limit."`
	PerUserLimit *int     `placeholder:"N" help:"Desktops of one user at once; =-1 is no limit."`
	LicenceLimit *int     `placeholder:"N" help:"Desktops that the licence allows at once; =-1 is no limit."`
	Permissions  []string `placeholder:"NAME" help:"What the key may do, by Kasm's names such as 'Users View'; everything unless given."`

	Keepalive       *time.Duration `placeholder:"1h" help:"How long a desktop lives that nobody keeps alive."`
	KeepaliveAction *string        `placeholder:"delete" help:"What becomes of it then: delete, stop or pause."`
	TimeLimit       *time.Duration `placeholder:"DURATION" help:"Hard end of a desktop, which keepalive does not put off."`
	StopCalls       *string        `placeholder:"allowed" help:"Calls to stop, pause and resume: allowed, refused (as for a key that may not) or missing."`

	ErrorRate    *float64       `placeholder:"SHARE" help:"Share of calls that fail without effect, 0 to 1."`
	ErrorStyle   *string        `placeholder:"json" help:"How they fail: json (400), html500, ok_error (200) or mixed."`
	RefusalStyle *string        `placeholder:"seen" help:"Status of what Kasm's own rules refuse: seen, json (4xx), ok_error (200) or mixed."`
	LostRate     *float64       `placeholder:"SHARE" help:"Share of calls that take effect and are never answered, 0 to 1."`
	Latency      *time.Duration `placeholder:"0s" help:"How long every answer takes."`

	MemoryField    *string `placeholder:"memory" help:"How this version names sizes: memory, or memory_bytes as since 1.19."`
	Auth           *string `placeholder:"any" help:"Where the key must stand: body, basic or any."`
	SessionHistory *bool   `negatable:"" help:"The server has the undocumented get_session_history."`
}

// Help tells a developer who knows nothing of this program how to use it.
func (kasmSimCmd) Help() string {
	return `Speaks the Kasm Workspaces developer API on EZSCALE_KASM_SIM_ADDR (default 127.0.0.1:8090).
The key and its secret are EZSCALE_KASM_API_KEY and EZSCALE_KASM_API_KEY_SECRET, or are made up and printed.
GET /sim/record tells what truly ran; POST /sim/settings, /sim/keys, /sim/kill, /sim/view and /sim/clock change how it behaves while it runs.
What a flag sets is kept, like what POST /sim/settings sets, until another start or call sets it again.

  curl -s http://127.0.0.1:8090/api/public/get_images -d '{"api_key":"...","api_key_secret":"..."}'`
}

// settings gives what the flags say, by the names of POST /sim/settings.
func (cmd kasmSimCmd) settings() map[string]any {
	set := map[string]any{}
	for name, d := range map[string]*time.Duration{
		"start_delay_ms": cmd.StartDelay, "requested_delay_ms": cmd.RequestedDelay, "resume_delay_ms": cmd.ResumeDelay,
		"stop_delay_ms": cmd.StopDelay, "latency_ms": cmd.Latency,
	} {
		if d != nil {
			set[name] = d.Milliseconds()
		}
	}
	for name, d := range map[string]*time.Duration{"keepalive_s": cmd.Keepalive, "time_limit_s": cmd.TimeLimit} {
		if d != nil {
			set[name] = int64(d.Seconds())
		}
	}
	if cmd.ReadyAtOnce {
		set["start_delay_ms"] = 0
	}
	given(set, map[string]*bool{"deleting_sticks": cmd.DeletingSticks, "session_history": cmd.SessionHistory})
	given(set, map[string]*int{"capacity": cmd.Capacity, "per_user_limit": cmd.PerUserLimit, "licence_limit": cmd.LicenceLimit})
	given(set, map[string]*float64{"start_failure_rate": cmd.StartFailures, "error_rate": cmd.ErrorRate, "lost_rate": cmd.LostRate})
	given(set, map[string]*string{"keepalive_action": cmd.KeepaliveAction, "error_style": cmd.ErrorStyle, "refusal_style": cmd.RefusalStyle,
		"memory_field": cmd.MemoryField, "auth": cmd.Auth, "stop_calls": cmd.StopCalls})
	return set
}

// given adds the flags that stand on the command line.
func given[T any](set map[string]any, flags map[string]*T) {
	for name, value := range flags {
		if value != nil {
			set[name] = *value
		}
	}
}

// Run serves the simulator alone until it is told to stop.
func (cmd kasmSimCmd) Run(c *console) error {
	options := kasmsim.Options{Set: cmd.settings(), Permissions: cmd.Permissions}
	if err := options.Check(); err != nil {
		return misused("%s", err)
	}
	sim, err := c.openSim(options, cmd.TLS)
	if err != nil {
		return err
	}
	data := map[string]string{"kasm_sim": sim.url(), "api_key": sim.Key(), "api_key_secret": sim.Secret()}
	text := fmt.Sprintf("Kasm simulator on %s\n  EZSCALE_KASM_URL=%s\n  EZSCALE_KASM_API_KEY=%s\n  EZSCALE_KASM_API_KEY_SECRET=%s", sim.url(), sim.url(), sim.Key(), sim.Secret())
	if cmd.TLS {
		text += "\n  EZSCALE_KASM_INSECURE=true"
	}
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

// startSim opens the simulator as it was last set, without encryption.
func (c *console) startSim() (*simulator, error) { return c.openSim(kasmsim.Options{}, false) }

// openSim opens the simulator on its own folder and begins to answer: others ask it
// while they start.
func (c *console) openSim(o kasmsim.Options, encrypted bool) (*simulator, error) {
	l, err := listen("the Kasm simulator", c.config.KasmSimAddr)
	if err != nil {
		return nil, err
	}
	o.Dir, o.Log = filepath.Join(c.config.DataDir, "kasm-sim"), c.log
	o.Key, o.Secret = c.config.KasmKey, string(c.config.KasmKeySecret)
	address := "http://" + l.Addr().String()
	if encrypted {
		certificate, err := kasmsim.Certificate(o.Dir, time.Now())
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l, address = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}), "https://"+l.Addr().String()
	}
	sim, err := kasmsim.New(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the Kasm simulator: %w", err), l.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &simulator{Sim: sim, address: address, stop: stop, ended: make(chan error, 1)}
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
