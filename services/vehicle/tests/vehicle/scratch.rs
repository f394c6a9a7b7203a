#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scratch() {
    let (peer, dir) = (super::fleet::peer().await, tempfile::tempdir().unwrap());
    let mut config = super::fleet::config(&peer, dir.path(), 10_000);
    config.poll_interval = std::time::Duration::from_secs(10);
    config.behaviour = otaru_vehicle::fleet::Behaviour::default();
    config.download = otaru_vehicle::fleet::Download::Ranges(65536);
    let begin = std::time::Instant::now();
    let fleet = super::fleet::Running::start(config);
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let stat = std::fs::read_to_string("/proc/self/status").unwrap();
        let rss = stat.lines().find(|l| l.starts_with("VmRSS")).unwrap().to_owned();
        let cpu = std::fs::read_to_string("/proc/self/stat").unwrap();
        let f: Vec<&str> = cpu.split(' ').collect();
        let fds = std::fs::read_dir("/proc/self/fd").unwrap().count();
        eprintln!("{:?} {rss} cpu {}+{} fds {fds} {:?}", begin.elapsed(), f[13], f[14], fleet.stats.snapshot());
        if fleet.ended() == 10_000 {
            break;
        }
    }
    fleet.stop().await;
}
