//! The one macro of the crate: an open wire number with names for the values the
//! specification knows.
//!
//! `names! { pub struct CommandStatus(u32), "{:#010X}"; … }` declares the newtype, a constant a
//! line, `name`, `from_name`, `Debug` and `Display`. A number without a name stays what it is and
//! prints as hexadecimal, so nothing a peer sends is lost on the way through our types.

macro_rules! names {
    (
        $(#[$type_doc:meta])*
        pub struct $type:ident($int:ty), $hex:literal;
        $( $(#[$doc:meta])* $constant:ident = $value:literal, $name:literal; )+
    ) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub $int);

        impl $type {
            $( $(#[$doc])* pub const $constant: Self = Self($value); )+

            /// Every value that has a name, in the order of the specification's table.
            pub const ALL: &'static [Self] = &[$( Self($value), )+];

            /// The specification's spelling, or `None` for a number it does not know.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some($name), )+
                    _ => None,
                }
            }

            /// The value spelled exactly like this, upper and lower case told apart.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $( $name => Some(Self($value)), )+
                    _ => Self::from_alias(name),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => f.pad(&format!($hex, self.0)),
                }
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl From<$int> for $type {
            fn from(value: $int) -> Self {
                Self(value)
            }
        }

        impl From<$type> for $int {
            fn from(value: $type) -> Self {
                value.0
            }
        }
    };
}

pub(crate) use names;
