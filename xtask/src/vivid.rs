//! The V4L2 tests on the kernel's virtual camera, in a machine of their own: QEMU, Debian's kernel, its module `vivid`, and a
//! memory disk with nothing else. Neither root's rights nor a camera are needed once the packages are there.

use crate::Result;
use crate::apt::{self, Apt};
use crate::process::{capture, cargo, on_path, run, target_dir};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One camera that gives frames, as a webcam does.
const PARAMETERS: &str = "n_devs=1 node_types=0x1 num_inputs=1 input_types=0 multiplanar=1";

const TESTS: [&str; 2] = ["vivid_gives_its_bars_in_every_size", "an_unplugged_camera_is_closed"];

/// Longest that the machine may take; without hardware help it takes ten seconds.
const SECONDS: &str = "300";

pub(crate) fn test() -> Result<()> {
    let mut apt = Apt::default();
    let missing: Vec<String> = [("qemu-system-x86", "qemu-system-x86_64"), ("busybox-static", "busybox")]
        .into_iter()
        .filter(|(_, program)| on_path(program).is_none())
        .map(|(package, _)| package.to_owned())
        .collect();
    apt.install(&missing)?;
    let folder = target_dir().join("vivid");
    let kernel = kernel(&mut apt, &folder.join("kernel"))?;
    let tests = test_program()?;
    let disk = folder.join("disk");
    let _ = fs::remove_dir_all(&disk);
    fill(&disk, &kernel, &tests)?;
    let image = folder.join("disk.gz");
    let pack = "find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 > ../disk.gz";
    run(Command::new("sh").args(["-c", pack]).current_dir(&disk))?;
    let mut machine = Command::new("timeout");
    machine.args([SECONDS, "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "768", "-nographic"]);
    machine
        .args(["-no-reboot", "-append", "console=ttyS0 quiet panic=-1", "-kernel"])
        .arg(kernel.join("vmlinuz"));
    let said = capture(machine.arg("-initrd").arg(image).stderr(Stdio::inherit()))?;
    let from = said.find("/dev/video").unwrap_or(0);
    println!("{}", said[from..].trim_end());
    let passed = said.matches("test result: ok. 1 passed").count();
    if passed == TESTS.len() { Ok(()) } else { Err(format!("{passed} of {} tests passed", TESTS.len())) }
}

/// A folder with the newest kernel that this Debian has, unpacked once.
fn kernel(apt: &mut Apt, folder: &Path) -> Result<PathBuf> {
    let ready = folder.join("vmlinuz");
    if ready.is_file() {
        return Ok(folder.into());
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    let named = apt::depends("linux-image-amd64")?.into_iter().find(|name| name.starts_with("linux-image-"));
    let package = named.ok_or("this system's packages have no kernel linux-image-amd64")?;
    println!("  {package}");
    let files = apt.download(&[package], folder)?;
    let file = files.first().ok_or("no kernel was downloaded")?;
    run(Command::new("dpkg").arg("-x").arg(file).arg(folder))?;
    let boot = fs::read_dir(folder.join("boot")).map_err(|e| e.to_string())?;
    let image = boot.filter_map(|entry| Some(entry.ok()?.path()));
    let image = image.into_iter().find(|path| path.to_string_lossy().contains("vmlinuz"));
    fs::rename(image.ok_or("the package has no kernel")?, &ready).map_err(|e| e.to_string())?;
    Ok(folder.into())
}

/// The program with the tests.
fn test_program() -> Result<PathBuf> {
    let words = ["test", "-p", "panecast", "--test", "capture_v4l2", "--no-run", "--message-format=json"];
    let said = capture(cargo().args(words).stderr(Stdio::inherit()))?;
    let program = said.lines().filter(|line| line.contains("\"name\":\"capture_v4l2\"")).find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        Some(PathBuf::from(rest.split_once('"')?.0))
    });
    program.ok_or_else(|| "cargo does not say where the tests are".to_owned())
}

fn fill(disk: &Path, kernel: &Path, tests: &Path) -> Result<()> {
    let failed = |e: std::io::Error| e.to_string();
    for folder in ["bin", "dev", "proc", "sys", "modules"] {
        fs::create_dir_all(disk.join(folder)).map_err(failed)?;
    }
    let busybox = on_path("busybox").ok_or("busybox is missing")?;
    fs::copy(busybox, disk.join("bin/busybox")).map_err(failed)?;
    fs::copy(tests, disk.join("bin/tests")).map_err(failed)?;
    run(Command::new("strip").arg("-g").arg(disk.join("bin/tests")))?;
    for word in capture(Command::new("ldd").arg(tests))?.split_whitespace().filter(|w| w.starts_with('/')) {
        let to = disk.join(word.trim_start_matches('/'));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::copy(word, to).map_err(failed)?;
    }
    let mut modules = BTreeMap::new();
    find_modules(&kernel.join("lib/modules"), &mut modules)?;
    let mut order = Vec::new();
    in_order("vivid", &modules, &mut order)?;
    let mut script =
        "#!/bin/busybox sh\n/bin/busybox mount -t proc p /proc\n/bin/busybox mount -t sysfs s /sys\n\
                      /bin/busybox mount -t devtmpfs d /dev\n"
            .to_owned();
    for name in &order {
        fs::copy(&modules[name], disk.join("modules").join(name)).map_err(failed)?;
        let parameters = if name == "vivid" { PARAMETERS } else { "" };
        script += &format!("/bin/busybox insmod /modules/{name} {parameters}\n");
    }
    // The second takes the camera away, so that each has a run of its own.
    for test in TESTS {
        script += &format!("/bin/tests --ignored --nocapture --exact {test}\n");
    }
    script += "/bin/busybox poweroff -f\n";
    let init = disk.join("init");
    fs::write(&init, script).map_err(failed)?;
    run(Command::new("chmod").arg("+x").arg(init))
}

/// All modules by the names that they call each other.
fn find_modules(folder: &Path, found: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| e.to_string())?.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find_modules(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "ko")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            found.insert(name.replace('-', "_"), path);
        }
    }
    Ok(())
}

/// `name` after all that it depends on; what is built into the kernel is no module.
fn in_order(name: &str, modules: &BTreeMap<String, PathBuf>, order: &mut Vec<String>) -> Result<()> {
    let Some(path) = modules.get(name).filter(|_| !order.iter().any(|known| known == name)) else {
        return Ok(());
    };
    let bytes = fs::read(path).map_err(|e| e.to_string())?;
    const MARK: &[u8] = b"\0depends=";
    let at =
        bytes.windows(MARK.len()).position(|window| window == MARK).map_or(bytes.len(), |at| at + MARK.len());
    let end = bytes[at..].iter().position(|b| *b == 0).map_or(bytes.len(), |end| at + end);
    let depends = String::from_utf8_lossy(&bytes[at..end]).into_owned();
    for other in depends.split(',').filter(|other| !other.is_empty()) {
        in_order(&other.replace('-', "_"), modules, order)?;
    }
    order.push(name.to_owned());
    Ok(())
}
