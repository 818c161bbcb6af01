//! The functions of libpcap that the pcap crate calls → those of the library that is installed, which is loaded at the
//! first call. A program with this crate builds and starts on a machine without libpcap; what it then asks of it
//! fails with a message that names the package.
//!
//! On Linux only: elsewhere this crate is empty, and the pcap crate links the library that the system brings.

/// Whether libpcap can be called.
///
/// # Errors
/// One line that says which package is missing.
pub fn available() -> Result<(), &'static str> {
    #[cfg(target_os = "linux")]
    let there = linux::is_there();
    #[cfg(not(target_os = "linux"))]
    let there = true;
    if there { Ok(()) } else { Err(MISSING) }
}

/// Fits into the 256 bytes that libpcap's callers keep for a message.
const MISSING: &str = "libpcap is not installed: apt-get install libpcap0.8 (Debian, Ubuntu), dnf install libpcap (Fedora), \
                       apk add libpcap (Alpine)";

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{CStr, c_char, c_int, c_uchar, c_uint, c_void};
    use std::ptr;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicPtr, Ordering};

    use super::MISSING;

    pub(super) fn is_there() -> bool {
        !library().is_null()
    }

    /// The handle of the library; null where there is none. Loaded once and never closed.
    fn library() -> *mut c_void {
        static LIBRARY: OnceLock<usize> = OnceLock::new();
        let handle = *LIBRARY.get_or_init(|| {
            // SAFETY: the names are valid C strings. Loading runs the library's initialisers, as linking it would.
            let open = |name: &&CStr| unsafe { dlopen(name.as_ptr(), RTLD_NOW) };
            let found = NAMES.iter().map(open).find(|handle| !handle.is_null());
            found.map_or(0, <*mut c_void>::expose_provenance)
        });
        ptr::with_exposed_provenance_mut(handle)
    }

    /// The ABI is the same under each name: Debian's, that of other distributions, that of development packages.
    const NAMES: [&CStr; 3] = [c"libpcap.so.0.8", c"libpcap.so.1", c"libpcap.so"];

    /// A function of the library, looked for at its first call.
    struct Function {
        name: &'static CStr,
        place: AtomicPtr<c_void>,
    }

    impl Function {
        const fn new(name: &'static CStr) -> Self {
            Self { name, place: AtomicPtr::new(ptr::null_mut()) }
        }

        /// Null where the library, or this function in it, is not there.
        fn place(&self) -> *mut c_void {
            let known = self.place.load(Ordering::Relaxed);
            if !known.is_null() || library().is_null() {
                return known;
            }
            // SAFETY: the handle is that of a library that stays loaded, the name a valid C string.
            let found = unsafe { dlsym(library(), self.name.as_ptr()) };
            self.place.store(found, Ordering::Relaxed);
            found
        }
    }

    /// Defines the functions of libpcap, each with what it returns where the library is not there. Pointers of all types
    /// are passed alike.
    macro_rules! forward {
        ($(fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? $absent:block)*) => {$(
            /// # Safety
            /// As the function of libpcap.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
                const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("a name without a NUL in it"),
                };
                static FUNCTION: Function = Function::new(NAME);
                let place = FUNCTION.place();
                if place.is_null() $absent else {
                    // SAFETY: libpcap's function of this name has this signature, and the caller keeps to its contract.
                    unsafe {
                        let function: unsafe extern "C" fn($($type),*) $(-> $result)? = std::mem::transmute(place);
                        function($($argument),*)
                    }
                }
            }
        )*};
    }

    type Pointer = *mut c_void;
    type Text = *mut c_char;

    const FAILED: c_int = -1;
    const NOTHING: Pointer = ptr::null_mut();

    /// Puts into a buffer for errors why there is nothing, and passes on what is returned then.
    fn explained<T>(buffer: Text, absent: T) -> T {
        if !buffer.is_null() {
            // SAFETY: libpcap's contract gives such a buffer 256 bytes, and the text is shorter.
            unsafe {
                ptr::copy_nonoverlapping(MISSING.as_ptr().cast(), buffer, MISSING.len());
                buffer.add(MISSING.len()).write(0);
            }
        }
        absent
    }

    const _: () = assert!(MISSING.len() < 256);

    forward! {
        fn pcap_create(source: Text, error: Text) -> Pointer { explained(error, NOTHING) }
        fn pcap_set_snaplen(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_set_promisc(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_set_timeout(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_set_buffer_size(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_set_tstamp_type(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_set_immediate_mode(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_set_tstamp_precision(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_set_rfmon(pcap: Pointer, value: c_int) -> c_int { FAILED }
        fn pcap_activate(pcap: Pointer) -> c_int { FAILED }
        fn pcap_open_dead(link: c_int, snap_length: c_int) -> Pointer { NOTHING }
        fn pcap_open_dead_with_tstamp_precision(link: c_int, snap_length: c_int, precision: c_uint) -> Pointer { NOTHING }
        fn pcap_open_offline(path: Text, error: Text) -> Pointer { explained(error, NOTHING) }
        fn pcap_open_offline_with_tstamp_precision(path: Text, precision: c_uint, error: Text) -> Pointer {
            explained(error, NOTHING)
        }
        fn pcap_fopen_offline(file: Pointer, error: Text) -> Pointer { explained(error, NOTHING) }
        fn pcap_fopen_offline_with_tstamp_precision(file: Pointer, precision: c_uint, error: Text) -> Pointer {
            explained(error, NOTHING)
        }
        fn pcap_close(pcap: Pointer) {}
        fn pcap_loop(pcap: Pointer, count: c_int, handler: Pointer, user: *mut c_uchar) -> c_int { FAILED }
        fn pcap_dispatch(pcap: Pointer, count: c_int, handler: Pointer, user: *mut c_uchar) -> c_int { FAILED }
        fn pcap_next_ex(pcap: Pointer, header: Pointer, data: Pointer) -> c_int { FAILED }
        fn pcap_breakloop(pcap: Pointer) {}
        fn pcap_stats(pcap: Pointer, statistics: Pointer) -> c_int { FAILED }
        fn pcap_setfilter(pcap: Pointer, program: Pointer) -> c_int { FAILED }
        fn pcap_setdirection(pcap: Pointer, direction: c_uint) -> c_int { FAILED }
        fn pcap_setnonblock(pcap: Pointer, value: c_int, error: Text) -> c_int { explained(error, FAILED) }
        fn pcap_sendpacket(pcap: Pointer, data: *const c_uchar, length: c_int) -> c_int { FAILED }
        fn pcap_geterr(pcap: Pointer) -> Text { ptr::null_mut() }
        fn pcap_compile(pcap: Pointer, program: Pointer, text: Text, optimize: c_int, netmask: c_uint) -> c_int { FAILED }
        fn pcap_freecode(program: Pointer) {}
        fn pcap_offline_filter(program: Pointer, header: Pointer, data: *const c_uchar) -> c_int { 0 }
        fn pcap_datalink(pcap: Pointer) -> c_int { FAILED }
        fn pcap_list_datalinks(pcap: Pointer, links: Pointer) -> c_int { FAILED }
        fn pcap_set_datalink(pcap: Pointer, link: c_int) -> c_int { FAILED }
        fn pcap_free_datalinks(links: Pointer) {}
        fn pcap_datalink_name_to_val(name: Text) -> c_int { FAILED }
        fn pcap_datalink_val_to_name(link: c_int) -> Text { ptr::null_mut() }
        fn pcap_datalink_val_to_description(link: c_int) -> Text { ptr::null_mut() }
        fn pcap_major_version(pcap: Pointer) -> c_int { FAILED }
        fn pcap_minor_version(pcap: Pointer) -> c_int { FAILED }
        fn pcap_fileno(pcap: Pointer) -> c_int { FAILED }
        fn pcap_get_selectable_fd(pcap: Pointer) -> c_int { FAILED }
        fn pcap_dump_open(pcap: Pointer, path: Text) -> Pointer { NOTHING }
        fn pcap_dump_open_append(pcap: Pointer, path: Text) -> Pointer { NOTHING }
        fn pcap_dump_fopen(pcap: Pointer, file: Pointer) -> Pointer { NOTHING }
        fn pcap_dump_flush(dumper: Pointer) -> c_int { FAILED }
        fn pcap_dump_close(dumper: Pointer) {}
        fn pcap_dump(user: *mut c_uchar, header: Pointer, data: *const c_uchar) {}
        fn pcap_findalldevs(devices: Pointer, error: Text) -> c_int { explained(error, FAILED) }
        fn pcap_freealldevs(devices: Pointer) {}
    }

    #[link(name = "dl")]
    unsafe extern "C" {
        fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    const RTLD_NOW: c_int = 2;
}
