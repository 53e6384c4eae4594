package docker

import (
	"context"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

// Test looks whether the engine gives all that desktops need; it changes nothing.
// now is what its clock should say.
func (d *Driver) Test(ctx context.Context, now time.Time) []workspaces.HostCheck {
	got, err := d.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return []workspaces.HostCheck{{Name: "reachable", Sentence: "The engine does not answer: " + err.Error()}}
	}
	info := got.Info
	checks := []workspaces.HostCheck{
		{Name: "reachable", OK: true, Sentence: fmt.Sprintf("Docker %s answers, with %d CPUs and %.1f GB of memory.", info.ServerVersion, info.NCPU, float64(info.MemTotal)/1e9)},
		limitsCheck(info), clockCheck(info.SystemTime, now), d.networkCheck(ctx),
	}
	if _, err := d.List(ctx); err != nil {
		checks = append(checks, workspaces.HostCheck{Name: "desktops", Sentence: "The desktops cannot be listed: " + err.Error()})
	}
	return checks
}

func limitsCheck(info system.Info) workspaces.HostCheck {
	c := workspaces.HostCheck{Name: "limits", OK: true, Sentence: "CPU, memory and processes of a desktop can be limited."}
	switch {
	case info.OSType != "" && info.OSType != "linux":
		c.OK, c.Sentence = false, "Desktops are Linux containers; this engine runs those of "+info.OSType+"."
	case !info.MemoryLimit || !info.CPUCfsQuota:
		c.OK, c.Sentence = false, "The kernel does not limit CPU or memory of a container, so that one desktop can take everything."
	case !info.SwapLimit || !info.PidsLimit:
		c.OK, c.Warning = false, true
		c.Sentence = "The kernel does not limit swap or the number of processes of a container; a desktop can use more of them than is good for the others."
	}
	return c
}

// clockMay is how far the clocks may be apart.
const clockMay = 5 * time.Second

func clockCheck(told string, now time.Time) workspaces.HostCheck {
	at, err := time.Parse(time.RFC3339Nano, told)
	if err != nil {
		return workspaces.HostCheck{Name: "clock", Warning: true, Sentence: "The engine does not tell its time."}
	}
	if apart := at.Sub(now).Abs(); apart > clockMay {
		return workspaces.HostCheck{Name: "clock", Warning: true, Sentence: fmt.Sprintf("The engine's clock is %v away from ours.", apart.Round(time.Second))}
	}
	return workspaces.HostCheck{Name: "clock", OK: true, Sentence: "The engine's clock agrees with ours."}
}

func (d *Driver) networkCheck(ctx context.Context) workspaces.HostCheck {
	found, err := d.engine.NetworkInspect(ctx, d.config.Network, client.NetworkInspectOptions{})
	switch {
	case cerrdefs.IsNotFound(err):
		return workspaces.HostCheck{Name: "network", OK: true, Sentence: "The network " + d.config.Network + " is made with the first desktop."}
	case err != nil:
		return workspaces.HostCheck{Name: "network", Sentence: "The networks cannot be read: " + err.Error()}
	case !separate(found.Network.Network):
		return workspaces.HostCheck{Name: "network", Sentence: shared(d.config.Network)}
	}
	return workspaces.HostCheck{Name: "network", OK: true, Sentence: "Desktops stand in the network " + d.config.Network + ", each for itself."}
}
