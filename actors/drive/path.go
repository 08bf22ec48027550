package drive

import (
	"strings"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// pathBytesMax bounds a path in bytes, as PATH_MAX does in Linux.
const pathBytesMax = 4096

// splitPath returns the names of a slash-separated path; none for the root.
// Slashes at the ends and in a row count once. "." and ".." are refused:
// callers clean their paths, and no name may be either.
func splitPath(path string, depthMax int) ([]string, *messages.Error) {
	if len(path) > pathBytesMax {
		return nil, messages.Errorf(messages.CodeInvalid, "the path is longer than %d bytes",
			pathBytesMax)
	}
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		if err := format.CheckName(name); err != nil {
			return nil, invalid(err)
		}
		if len(names) == depthMax {
			return nil, messages.Errorf(messages.CodeInvalid, "the path has more than %d names",
				depthMax)
		}
		names = append(names, name)
	}
	return names, nil
}

// splitLast splits names into the directory's and the last one.
func splitLast(names []string) (dir []string, last string) {
	return names[:len(names)-1], names[len(names)-1]
}

// joinPath is the cleaned path of a drive: what [messages.SharedLink] shows.
func joinPath(names []string) string { return "/" + strings.Join(names, "/") }

// hasPrefix reports whether names begins with all of prefix.
func hasPrefix(names, prefix []string) bool {
	if len(prefix) > len(names) {
		return false
	}
	for i, name := range prefix {
		if names[i] != name {
			return false
		}
	}
	return true
}
