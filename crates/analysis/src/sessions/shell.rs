//! Whether a command gives its caller a shell or an interpreter, told by the names of programs.
//!
//! A name proves little: a copy of a shell under another name is not found. That is why sessions without a shell are rows, too.

/// Shells and interpreters.
const SHELLS: [&str; 27] = [
    "ash",
    "awk",
    "bash",
    "bun",
    "busybox",
    "csh",
    "dash",
    "deno",
    "fish",
    "gdb",
    "irb",
    "jshell",
    "ksh",
    "lua",
    "mksh",
    "node",
    "perl",
    "php",
    "powershell",
    "psh",
    "pwsh",
    "python",
    "rbash",
    "ruby",
    "sh",
    "tcsh",
    "zsh",
];

/// Programs that run the program named in their arguments.
const WRAPPERS: [&str; 17] = [
    "chroot", "doas", "env", "exec", "ionice", "nice", "nohup", "nsenter", "script", "setpriv", "setsid", "stdbuf",
    "su", "sudo", "timeout", "tini", "unshare",
];

/// Wrappers that start a shell when no program is named.
const SHELL_BY_DEFAULT: [&str; 6] = ["chroot", "nsenter", "script", "su", "unshare", "cmd"];

/// Whether the command, a JSON array of arguments, is a shell or an interpreter, alone or behind a wrapper (`env bash`, `nsenter -t 1 sh`).
/// A text that is no such array is none.
#[must_use]
pub fn is_shell(command_json: &str) -> bool {
    let command: Vec<String> = serde_json::from_str(command_json).unwrap_or_default();
    let Some((program, arguments)) = command.split_first() else { return false };
    let program = program_name(program);
    if SHELLS.contains(&program.as_str()) {
        return true;
    }
    if !WRAPPERS.contains(&program.as_str()) && program != "cmd" {
        return false;
    }
    let named =
        |argument: &String| argument.split_whitespace().any(|word| SHELLS.contains(&program_name(word).as_str()));
    SHELL_BY_DEFAULT.contains(&program.as_str()) || arguments.iter().any(named)
}

/// The program's name without folder, `.exe` and version (`/usr/bin/python3.12` is `python`).
fn program_name(path: &str) -> String {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
    let file = file.strip_suffix(".exe").unwrap_or(&file);
    let bare = file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if bare.is_empty() { file.to_owned() } else { bare.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_known_by_name() {
        for (command, shell) in [
            (r#"["sh"]"#, true),
            (r#"["/bin/bash","-c","id"]"#, true),
            (r#"["python3.12","-"]"#, true),
            (r#"["/usr/bin/env","bash"]"#, true),
            (r#"["env","-S","bash -l"]"#, true),
            (r#"["nsenter","-t","1","-m"]"#, true),
            (r#"["su","-"]"#, true),
            (r#"["sudo","-u","root","sh"]"#, true),
            (r#"["busybox","sh"]"#, true),
            (r#"["C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"]"#, true),
            (r#"["cmd.exe","/c","dir"]"#, true),
            (r#"["ls","-l","bash"]"#, false),
            (r#"["cat","/bin/sh"]"#, false),
            (r#"["env"]"#, false),
            (r#"["pg_dump"]"#, false),
            ("[]", false),
            ("null", false),
        ] {
            assert_eq!(is_shell(command), shell, "{command}");
        }
    }
}
