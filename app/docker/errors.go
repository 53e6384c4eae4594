package docker

import (
	"context"
	"errors"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

func refusal(message string) error {
	return &workspaces.HostError{Kind: workspaces.HostRefused, Message: message}
}

func notFound(desktop string) error {
	return &workspaces.HostError{Kind: workspaces.HostNotFound, Message: "the engine has no desktop " + short(desktop)}
}

func notReady(message string) error {
	return &workspaces.HostError{Kind: workspaces.HostNotReady, Message: message}
}

// short is how Docker itself abbreviates an id.
func short(id string) string { return id[:min(len(id), 12)] }

// scarce are the engine's words for a machine that is full.
var scarce = []string{
	"range of cpus is", "no space left on device", "cannot allocate memory", "not enough memory", "out of memory",
	"port is already allocated", "all ports are allocated", "no available ipv4 addresses", "non-overlapping ipv4 address pool",
	"exchange full", "too many open files", "resource temporarily unavailable",
}

// hostError turns what the engine says into what it means for a desktop. What a
// call is about not being there is for the caller to say; here it is a refusal.
func hostError(err error) error {
	if err == nil {
		return nil
	}
	var known *workspaces.HostError
	if errors.As(err, &known) {
		return known
	}
	return &workspaces.HostError{Kind: kindOf(err), Message: "Docker: " + strings.TrimPrefix(err.Error(), "Error response from daemon: "), Cause: err}
}

func kindOf(err error) workspaces.HostKind {
	text := strings.ToLower(err.Error())
	for _, words := range scarce {
		if strings.Contains(text, words) {
			return workspaces.HostNoCapacity
		}
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), client.IsErrConnectionFailed(err):
		return workspaces.HostUnavailable
	case cerrdefs.IsNotFound(err), cerrdefs.IsInvalidArgument(err), cerrdefs.IsPermissionDenied(err), cerrdefs.IsUnauthorized(err),
		cerrdefs.IsNotImplemented(err), cerrdefs.IsConflict(err):
		return workspaces.HostRefused
	}
	return workspaces.HostUnavailable
}

// without takes a secret out of an error's words, should the engine repeat it.
func without(err error, secret string) error {
	var host *workspaces.HostError
	if !errors.As(hostError(err), &host) || secret == "" || !strings.Contains(host.Error()+causes(host), secret) {
		return hostError(err)
	}
	return &workspaces.HostError{Kind: host.Kind, Message: strings.ReplaceAll(host.Message, secret, "[password]")}
}

func causes(h *workspaces.HostError) string {
	if h.Cause == nil {
		return ""
	}
	return h.Cause.Error()
}
