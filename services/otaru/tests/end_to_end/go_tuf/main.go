// Drives go-tuf's updater against a gateway: a TUF client that nobody on this project wrote.
//
// Usage: client METADATA_URL TARGETS_URL ROOT_FILE WORK_DIR TARGET...
// Prints one JSON object: the targets' lengths, or the error.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func lengths(metadataURL, targetsURL, rootFile, work string, names []string) (map[string]int64, error) {
	root, err := os.ReadFile(rootFile)
	if err != nil {
		return nil, err
	}
	settings, err := config.New(metadataURL, root)
	if err != nil {
		return nil, err
	}
	settings.RemoteTargetsURL = targetsURL
	settings.LocalMetadataDir = filepath.Join(work, "metadata")
	settings.LocalTargetsDir = filepath.Join(work, "targets")
	if err := settings.EnsurePathsExist(); err != nil {
		return nil, err
	}
	client, err := updater.New(settings)
	if err != nil {
		return nil, err
	}
	if err := client.Refresh(); err != nil {
		return nil, err
	}
	found := make(map[string]int64)
	for _, name := range names {
		target, err := client.GetTargetInfo(name)
		if err != nil {
			return nil, err
		}
		_, bytes, err := client.DownloadTarget(target, "", "")
		if err != nil {
			return nil, err
		}
		found[name] = int64(len(bytes))
	}
	return found, nil
}

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: client METADATA_URL TARGETS_URL ROOT_FILE WORK_DIR TARGET...")
		os.Exit(2)
	}
	found, err := lengths(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:])
	answer := map[string]any{"targets": found}
	if err != nil {
		answer = map[string]any{"error": fmt.Sprintf("%T", err), "detail": err.Error()}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		os.Exit(1)
	}
}
