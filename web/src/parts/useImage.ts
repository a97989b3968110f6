import { useEffect, useState } from "react";

/** A picture once it is loaded; upright, as the browser turns it. */
export function useImage(address: string | null): HTMLImageElement | null {
  const [image, setImage] = useState<HTMLImageElement | null>(null);
  useEffect(() => {
    if (!address) return setImage(null);
    const loading = new Image();
    let wanted = true;
    loading.src = address;
    loading.decode().then(() => wanted && setImage(loading), () => undefined);
    return () => {
      wanted = false;
    };
  }, [address]);
  return image;
}
