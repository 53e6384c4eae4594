package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/hosts"
)

type hostCmd struct {
	Add      hostAddCmd      `cmd:"" help:"Add a Kasm server, or Docker on this machine; a running server uses it within seconds."`
	List     hostListCmd     `cmd:"" help:"Show every desktop host."`
	Test     hostTestCmd     `cmd:"" help:"Connect to a host and look whether it gives all that the product needs; nothing is changed there."`
	Drain    hostDrainCmd    `cmd:"" help:"Let a host keep its desktops and take no new ones."`
	Activate hostActivateCmd `cmd:"" help:"Let a host take new desktops, a retired one too."`
	Retire   hostRetireCmd   `cmd:"" help:"Take a draining host out of use that has no desktops any more."`
}

type hostAddCmd struct {
	Name             string `help:"Name, such as frankfurt-1." required:""`
	Driver           string `help:"kasm or docker." enum:"kasm,docker" default:"kasm"`
	URL              string `name:"url" help:"Address: https://kasm.example.com, or for docker unix:///var/run/docker.sock, which is its default."`
	APIKey           string `name:"api-key" help:"Kasm's API key."`
	APIKeySecret     string `name:"api-key-secret" help:"The key's secret; others on this machine may see the command line, so rather use the file."`
	APIKeySecretFile string `name:"api-key-secret-file" placeholder:"FILE" help:"A file with the key's secret; - reads it from standard input."`
	Auth             string `help:"Where Kasm wants the key: body or basic." enum:"body,basic" default:"body"`
	Insecure         bool   `help:"Accept any certificate; Kasm's own is self-signed."`
	Zone             string `help:"Your word for where it stands."`
	Capacity         int    `help:"Desktops at once; 0 for as many as the host itself allows."`
	ImageTag         string `name:"image-tag" help:"Docker: the tag of images whose template names none, such as 1.19.0."`
	JSON             bool   `help:"Print one line of JSON."`
}

// Run adds the host.
func (cmd hostAddCmd) Run(c *console) error {
	secret, err := cmd.secret()
	if err != nil {
		return err
	}
	return c.with(func(in *installation) error {
		h, err := in.hosts.Add(c.ctx, hosts.Entry{Name: cmd.Name, Kind: cmd.Driver, URL: cmd.URL, Key: cmd.APIKey, Secret: secret, Auth: cmd.Auth, Insecure: cmd.Insecure,
			Zone: cmd.Zone, Capacity: cmd.Capacity, Options: hosts.Options{ImageTag: cmd.ImageTag}}, cliActor)
		if err != nil {
			return err
		}
		return c.print(cmd.JSON, hostJSON(h), fmt.Sprintf("%s host %s added; ezscale host test --name %q looks whether it answers", h.Kind, h.Name, h.Name))
	})
}

// secret reads the key's secret from where the command line says.
func (cmd hostAddCmd) secret() (string, error) {
	switch {
	case cmd.APIKeySecretFile == "":
		return cmd.APIKeySecret, nil
	case cmd.APIKeySecret != "":
		return "", misused("give the secret either by --api-key-secret or by --api-key-secret-file")
	}
	var text []byte
	var err error
	if cmd.APIKeySecretFile == "-" {
		text, err = io.ReadAll(io.LimitReader(os.Stdin, 4096))
	} else {
		text, err = os.ReadFile(cmd.APIKeySecretFile)
	}
	if err != nil {
		return "", fmt.Errorf("read the secret of the key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

type hostListCmd struct {
	JSON bool `help:"Print one line of JSON."`
}

// Run lists the hosts.
func (cmd hostListCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		all, err := in.hosts.List(c.ctx)
		if err != nil {
			return err
		}
		counts, _, err := in.hosts.Desktops(c.ctx)
		if err != nil {
			return err
		}
		list := make([]map[string]any, len(all))
		var text strings.Builder
		for i, h := range all {
			list[i] = hostJSON(h)
			list[i]["desktops"] = counts[h.ID]
			fmt.Fprintf(&text, "%-20s %-7s %-9s %-12s %4d desktops  %s\n", h.Name, h.Kind, h.Status, h.Zone, counts[h.ID], h.URL)
		}
		return c.print(cmd.JSON, map[string]any{"hosts": list}, text.String())
	})
}

type hostTestCmd struct {
	Name string `help:"The host's name." required:""`
	JSON bool   `help:"Print one line of JSON."`
}

// Run tests the host, and fails when it lacks something that cannot be done without.
func (cmd hostTestCmd) Run(c *console) error {
	return c.with(func(in *installation) error {
		h, err := in.hosts.Named(c.ctx, cmd.Name)
		if err != nil {
			return unknownHost(cmd.Name, err)
		}
		if h, err = in.hosts.Test(c.ctx, h.ID, cliActor); err != nil {
			return err
		}
		var text strings.Builder
		for _, check := range h.Checks {
			word := "ok"
			switch {
			case check.Warning && !check.OK:
				word = "warning"
			case !check.OK:
				word = "MISSING"
			}
			fmt.Fprintf(&text, "%-8s %-22s %s\n", word, check.Name, check.Sentence)
		}
		passed := hosts.Passed(h.Checks)
		if err := c.print(cmd.JSON, map[string]any{"name": h.Name, "passed": passed, "checks": h.Checks}, text.String()); err != nil || passed {
			return err
		}
		return fmt.Errorf("the host %s did not pass its test", h.Name)
	})
}

type hostDrainCmd struct {
	Name string `help:"The host's name." required:""`
	JSON bool   `help:"Print one line of JSON."`
}

// Run drains the host.
func (cmd hostDrainCmd) Run(c *console) error {
	return c.onHost(cmd.Name, cmd.JSON, func(in *installation, h hosts.Host) (hosts.Host, error) { return in.hosts.Drain(c.ctx, h.ID, cliActor) })
}

type hostActivateCmd struct {
	Name string `help:"The host's name." required:""`
	JSON bool   `help:"Print one line of JSON."`
}

// Run lets the host take desktops.
func (cmd hostActivateCmd) Run(c *console) error {
	return c.onHost(cmd.Name, cmd.JSON, func(in *installation, h hosts.Host) (hosts.Host, error) {
		return in.hosts.Activate(c.ctx, h.ID, cliActor)
	})
}

type hostRetireCmd struct {
	Name string `help:"The host's name." required:""`
	JSON bool   `help:"Print one line of JSON."`
}

// Run retires the host.
func (cmd hostRetireCmd) Run(c *console) error {
	return c.onHost(cmd.Name, cmd.JSON, func(in *installation, h hosts.Host) (hosts.Host, error) {
		return in.hosts.Retire(c.ctx, h.ID, cliActor)
	})
}

func (c *console) onHost(name string, asJSON bool, act func(*installation, hosts.Host) (hosts.Host, error)) error {
	return c.with(func(in *installation) error {
		h, err := in.hosts.Named(c.ctx, name)
		if err != nil {
			return unknownHost(name, err)
		}
		if h, err = act(in, h); err != nil {
			return err
		}
		return c.print(asJSON, hostJSON(h), h.Name+" is "+h.Status)
	})
}

func unknownHost(name string, err error) error {
	if fail.Is(err, fail.NotFound) {
		return fmt.Errorf("there is no desktop host with the name %q; see ezscale host list", name)
	}
	return err
}

// hostJSON is a host without anything secret.
func hostJSON(h hosts.Host) map[string]any {
	data := map[string]any{"id": h.ID, "name": h.Name, "driver": h.Kind, "url": h.URL, "status": h.Status, "zone": h.Zone, "capacity": h.Capacity, "auth": h.Auth,
		"insecure": h.Insecure, "simulator": h.Simulator, "passed": nil, "last_ok_at": nil, "last_error": h.LastError}
	if h.CheckedAt != nil {
		data["passed"] = hosts.Passed(h.Checks)
	}
	if h.LastOKAt != nil {
		data["last_ok_at"] = h.LastOKAt.UTC().Format(time.RFC3339)
	}
	if h.Kind == hosts.Docker {
		data["image_tag"] = h.Options.ImageTag
	}
	return data
}
