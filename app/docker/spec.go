package docker

import (
	"crypto/rand"
	"maps"
	"net/netip"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

const (
	home       = "/home/kasm-user" // of kasmweb's images; what lies here survives the container
	vncPort    = 6901              // KasmVNC's https and wss
	vncUser    = "kasm_user"       // KasmVNC's one account that may do everything
	stopGrace  = 10                // seconds until a desktop that does not end is killed
	maxPIDs    = 4096              // processes and threads; a browser needs some hundreds
	logSize    = "10m"             // of what the desktop prints
	passwordIn = "VNC_PW"
)

// spec is a desktop's container.
func (d *Driver) spec(w workspaces.Wish, ref string, vcpu, ramMB int) client.ContainerCreateOptions {
	port, _ := network.PortFrom(vncPort, network.TCP)
	pids, grace := int64(maxPIDs), stopGrace
	memory := int64(ramMB) << 20
	return client.ContainerCreateOptions{
		Name: containerName(w.Labels),
		Config: &container.Config{
			Image: ref, Hostname: "desktop", Env: environment(w), Labels: desktopLabels(w, vcpu, ramMB),
			ExposedPorts: network.PortSet{port: {}}, StopTimeout: &grace,
		},
		HostConfig: &container.HostConfig{
			// Never "host" or "none": kasmweb's images wait for an eth* of their own.
			NetworkMode:   container.NetworkMode(d.config.Network),
			PortBindings:  network.PortMap{port: {{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1})}}},
			RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
			CapDrop:       []string{"ALL"}, CapAdd: d.config.Capabilities,
			SecurityOpt: []string{"no-new-privileges:true"},
			ShmSize:     int64(d.config.ShmMB) << 20,
			LogConfig:   container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": logSize, "max-file": "1"}},
			Mounts:      []mount.Mount{{Type: mount.TypeVolume, Source: volumeName(w.Labels.Workspace), Target: home}},
			Resources: container.Resources{
				NanoCPUs: int64(vcpu) * 1e9, Memory: memory, MemorySwap: memory, // the same: no swap
				PidsLimit: &pids,
			},
		},
	}
}

func desktopLabels(w workspaces.Wish, vcpu, ramMB int) map[string]string {
	labels := map[string]string{
		labelDesktop: yes, labelIntent: w.Labels.Intent(), labelUser: w.User.Username, labelImage: w.ImageID,
		labelVCPU: strconv.Itoa(vcpu), labelRAM: strconv.Itoa(ramMB), labelGroup: w.Rights.Group,
	}
	maps.Copy(labels, ownerLabels(w.Labels))
	return labels
}

func ownerLabels(l workspaces.Labels) map[string]string {
	return map[string]string{labelTenant: l.Tenant, labelWorkspace: l.Workspace.String()}
}

// environment is what kasmweb's start scripts read: a password of this container
// alone, which nobody is told but our own proxy, and the switches of what the plan
// allows. The customer's own password would open all of their desktops to each.
func environment(w workspaces.Wish) []string {
	env := []string{
		passwordIn + "=" + rand.Text(),
		"VNC_VIEW_ONLY_PW=" + rand.Text(), // nobody is told it
		"KASM_SVC_UPLOADS=" + switched(w.Rights.Upload),
		"KASM_SVC_DOWNLOADS=" + switched(w.Rights.Download),
		"KASM_SVC_PRINTER=" + switched(w.Rights.Download), // its paper is a file on the visitor's side
	}
	if !w.Rights.Clipboard {
		env = append(env, "KASM_SVC_SEND_CUT_TEXT=-SendCutText 0", "KASM_SVC_ACCEPT_CUT_TEXT=-AcceptCutText 0")
	}
	return env
}

func switched(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
