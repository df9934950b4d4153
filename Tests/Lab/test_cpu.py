"""The clocks of processors: acpi-cpufreq on a table of the lab's own, and a driver that fails."""

POLICIES = "/sys/devices/system/cpu/cpufreq"


def governors(node):
    return node.check(f"cat {POLICIES}/policy*/scaling_governor").split()


def test_the_governor_is_set_and_put_back(node):
    before = governors(node)
    assert before != ["performance"] * 2
    node.configure("cpu: {governor: performance}")
    assert {setting["state"] for setting in node.settings("apply").values()} == {"inSync"}
    assert governors(node) == ["performance"] * 2
    node.hostd("revert")
    assert governors(node) == before


def test_a_governor_whose_module_is_not_loaded_is_loaded_under_the_sandbox(node):
    assert "powersave" not in node.check(f"cat {POLICIES}/policy0/scaling_available_governors")
    node.configure("cpu: {governor: powersave}")
    node.start()
    assert {setting["state"] for setting in node.settings("status").values()} == {"inSync"}
    assert governors(node) == ["powersave"] * 2


def test_what_is_not_offered_is_unsupported_and_says_what_is(node):
    node.configure("cpu: {energy_performance_preference: performance}")
    held = node.settings("apply")
    assert {setting["state"] for setting in held.values()} == {"unsupported"}
    assert all("acpi-cpufreq" in setting["detail"] or "policy" in setting["detail"] for setting in held.values()), held
    assert node.run("ais-hostd check").code == 0


def test_a_machine_without_cpufreq_is_no_fault(node):
    node.check("modprobe --remove acpi-cpufreq")
    node.configure("cpu: {governor: performance}")
    held = node.settings("apply")
    assert {setting["state"] for setting in held.values()} == {"unsupported"}, held
    assert node.run("ais-hostd check").code == 0


def test_a_processor_that_comes_back_is_tuned(node):
    node.configure("cpu: {governor: performance}")
    node.start()
    node.check("echo 0 >/sys/devices/system/cpu/cpu1/online")
    node.until("! ais-hostd status --output json | grep -q policy1")
    assert set(node.settings("status")) == {"cpu/policy0/governor"}
    node.check("echo 1 >/sys/devices/system/cpu/cpu1/online")
    node.until(f"test $(cat {POLICIES}/policy1/scaling_governor) = performance")
    node.becomes("cpu/policy1/governor")
    assert node.run("ais-hostd status").code == 0


def test_a_governor_that_is_in_force_while_the_clock_stays_is_what_the_kernel_says(node):
    """The driver fails on one CPU: the write succeeds, the governor reads as asked, and only the kernel's log tells."""
    node.check("modprobe --remove acpi-cpufreq; insmod /root/labcpufreq.ko fail_cpu=1")
    node.configure("cpu: {governor: performance}")
    held = node.settings("apply")
    assert {setting["observed"] for setting in held.values()} == {"performance"}
    assert node.check(f"cat {POLICIES}/policy0/scaling_cur_freq {POLICIES}/policy1/scaling_cur_freq").split() == [
        "2400000", "1200000"]
