package main

import (
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/docker"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/workspaces"
)

// makers make the driver of each kind of desktop host.
func (c *console) makers() map[string]hosts.Maker {
	return map[string]hosts.Maker{
		hosts.Kasm: func(s hosts.Settings) (workspaces.Driver, error) {
			client, err := kasm.New(kasm.Config{URL: s.URL, Key: s.Key, Secret: s.Secret, Auth: s.Auth, Insecure: s.Insecure})
			if err != nil {
				return nil, err
			}
			return kasm.NewDriver(client, clock.Wall{}.Now).LogTo(c.log.With("host", s.Name)), nil
		},
		hosts.Docker: func(s hosts.Settings) (workspaces.Driver, error) {
			driver, err := docker.New(docker.Config{URL: s.URL, Tag: s.Options.ImageTag, ShmMB: s.Options.ShmMB, Now: clock.Wall{}.Now, Log: c.log.With("host", s.Name)})
			if err != nil {
				return nil, err
			}
			return driver, nil
		},
	}
}
