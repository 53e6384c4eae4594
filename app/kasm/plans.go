package kasm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// NewGroup is what CreateGroup sends.
type NewGroup struct {
	Name        string
	Description string
	Priority    int // of two groups' settings that differ, the lower number's counts
}

// anywhere makes a call that servers were seen to offer at two places: the public
// API and the one of Kasm's own pages. The second is tried when the first is missing.
func (c *Client) anywhere(op string, call func(path string) ([]byte, error)) ([]byte, error) {
	return inTurn(call, "/api/public/"+op, "/api/admin/"+op)
}

func inTurn(call func(path string) ([]byte, error), first, second string) ([]byte, error) {
	data, err := call(first)
	var e *Error
	if errors.As(err, &e) && e.Missing() {
		return call(second)
	}
	return data, err
}

// CreateGroup adds a group. Errors: KindConflict when the name is taken.
func (c *Client) CreateGroup(ctx context.Context, g NewGroup) (Group, error) {
	const op = "create_group"
	data, err := c.onGroup(ctx, op, map[string]any{"target_group": map[string]any{"name": g.Name, "description": g.Description, "priority": g.Priority}})
	if err != nil {
		return Group{}, err
	}
	made, ok := decodeGroup(data)
	if !ok {
		return Group{}, unreadable(op)
	}
	return made, nil
}

// SetGroupSetting gives a group's setting a value, such as True or 7200. Errors:
// KindNotFound.
func (c *Client) SetGroupSetting(ctx context.Context, groupID, name, value string) error {
	const op = "add_settings_group"
	id, err := idFor(op, groupID)
	if err != nil {
		return err
	}
	_, err = c.onGroup(ctx, op, map[string]any{"target_group": map[string]any{"group_id": id}, "target_setting": map[string]any{"name": name, "value": value}})
	return err
}

// GroupImages lists the ids of the images that a group offers. Errors: KindNotFound.
func (c *Client) GroupImages(ctx context.Context, groupID string) ([]string, error) {
	const op = "get_images_group"
	id, err := idFor(op, groupID)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"target_group": map[string]any{"group_id": id}}
	data, err := c.anywhere(op, func(path string) ([]byte, error) { return c.readAt(ctx, op, path, body) })
	if err != nil {
		return nil, err
	}
	images, ok := decodeGroupImages(data)
	if !ok {
		return nil, unreadable(op)
	}
	return images, nil
}

// AddGroupImage lets a group's members start an image. Errors: KindNotFound.
func (c *Client) AddGroupImage(ctx context.Context, groupID, imageID string) error {
	const op = "add_images_group"
	group, err := idFor(op, groupID)
	if err != nil {
		return err
	}
	image, err := idFor(op, imageID)
	if err != nil {
		return err
	}
	_, err = c.onGroup(ctx, op, map[string]any{"target_group": map[string]any{"group_id": group}, "target_image": map[string]any{"image_id": image}})
	return err
}

func (c *Client) onGroup(ctx context.Context, op string, body map[string]any) ([]byte, error) {
	return c.anywhere(op, func(path string) ([]byte, error) { return c.call(ctx, op, path, body) })
}

// ImageCopy says how CloneImage's image differs from the one it is made from.
type ImageCopy struct {
	FriendlyName string
	Cores        int
	MemoryBytes  int64
}

// cloned are the fields of an image that its copy shares, where it has them.
func cloned() []string {
	return []string{"name", "description", "image_type", "image_src", "hidden", "gpu_count", "require_gpu", "cpu_allocation_method", "docker_registry", "docker_user",
		"docker_token", "x_res", "y_res", "zone_id", "server_id", "restrict_to_zone", "restrict_to_server", "restrict_to_network", "restrict_network_names",
		"persistent_profile_path", "persistent_profile_config", "session_time_limit", "categories", "default_category", "run_config", "exec_config",
		"volume_mappings", "launch_config", "uncompressed_size_mb", "notes", "filter_policy_id"}
}

// CloneImage adds an image of the same docker image in another size. Errors:
// KindNotFound when there is none to copy.
func (c *Client) CloneImage(ctx context.Context, imageID string, size ImageCopy) (Image, error) {
	const op = "create_image"
	id, err := idFor(op, imageID)
	if err != nil {
		return Image{}, err
	}
	data, err := c.read(ctx, "get_images", nil)
	if err != nil {
		return Image{}, err
	}
	from, found := decodeRawImage(data, id)
	if !found {
		return Image{}, &Error{Kind: KindNotFound, Op: op, Message: "Kasm does not have the image to copy."}
	}
	target := copyOf(from, size)
	data, err = inTurn(func(path string) ([]byte, error) {
		return c.call(ctx, op, path, map[string]any{"target_image": target})
	}, "/api/admin/"+op, "/api/public/"+op)
	if err != nil {
		return Image{}, err
	}
	made, ok := decodeImage(data)
	if !ok {
		return Image{}, unreadable(op)
	}
	return made, nil
}

// copyOf writes an image as Kasm wants to be sent one: some objects and lists that
// it answers with go as JSON inside a string. The size goes by the name that the
// server uses.
func copyOf(from map[string]json.RawMessage, size ImageCopy) map[string]any {
	target := map[string]any{}
	for _, field := range cloned() {
		raw := bytes.TrimSpace(from[field])
		switch {
		case len(raw) == 0, string(raw) == "null":
		case (raw[0] == '{' || raw[0] == '[') && slices.Contains([]string{"run_config", "exec_config", "volume_mappings", "categories"}, field):
			target[field] = string(raw)
		default:
			target[field] = json.RawMessage(raw)
		}
	}
	target["friendly_name"], target["enabled"] = size.FriendlyName, true
	target["cores"], target["memory"] = size.Cores, size.MemoryBytes
	if _, renamed := from["memory_bytes"]; renamed {
		delete(target, "memory")
		target["memory_bytes"] = size.MemoryBytes
	}
	return target
}
